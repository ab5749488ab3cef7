/** Which features act together: a square a pair, darker for more; all pairs as a list for those who do not see them. */
import { Fold } from "../components/fold";
import { float32 } from "../decode";
import { significant } from "../format";
import { couldBeZero } from "../scales";
import type { Pairs } from "../schema.gen";
import type { Store } from "../store";

const SAID = 5;

interface MatrixProps {
  store: Store;
  pairs: Pairs;
  output: number;
  /** Whether a pair has a direction; then a feature's own bend is told too. */
  directed?: boolean;
}

export function Matrix({ store, pairs, output, directed }: MatrixProps) {
  const { names } = pairs;
  const n = names.length;
  const part = (all: Float32Array | null) => all?.subarray(output * n * n, (output + 1) * n * n);
  const [values, errors] = [part(float32(pairs.values)), part(float32(pairs.std_errors))];
  const at = (a: number, b: number) => values?.[a * n + b] ?? 0;
  const size = (a: number, b: number) => Math.abs(at(a, b)) || 0;
  const both = names.flatMap((_, a) => names.slice(0, directed ? a + 1 : a).map((_, b) => [a, b] as const));
  both.sort(([a, b], [c, d]) => size(c, d) - size(a, b));
  const most = (both[0] && size(...both[0])) || 1;
  const told = (a: number, b: number) => {
    const sign = directed && at(a, b) > 0 ? "+" : "";
    return `${names[b]} with ${a === b ? "itself" : names[a]} ${sign}${significant(at(a, b))}`;
  };
  const list = both.map((pair) => told(...pair));
  const look = (a: number, b: number) =>
    couldBeZero(at(a, b), errors?.[a * n + b]) ? "u" : directed ? (at(a, b) < 0 ? "neg" : "pos") : "";
  return (
    <section class="gl-p" aria-label="Pairs">
      <div class="m">
        <b>Which act together</b> <span class="q">{list.slice(0, SAID).join("; ")}</span>
      </div>
      <div class="gl-m" style={{ "--n": n }} aria-hidden="true">
        <span />
        {names.map((name, b) => (
          <span key={name} class="s q">
            {b + 1}
          </span>
        ))}
        {names.map((name, a) => (
          <>
            <span key={name} class="s nm" title={name}>
              <span class="q">{a + 1}</span> <bdi>{name}</bdi>
            </span>
            {names.map((other, b) => (
              <i
                key={other}
                title={told(a, b)}
                class={look(a, b)}
                style={{ opacity: a === b && !directed ? 0 : size(a, b) / most }}
              />
            ))}
          </>
        ))}
      </div>
      {both.length > SAID && (
        <Fold store={store} name="pairs" kept class="s q" summary={<>all {both.length} pairs</>}>
          <div>{list.join("; ")}</div>
        </Fold>
      )}
      {pairs.more > 0 && <p class="s q">Pairs of {pairs.more} more features are weaker.</p>}
    </section>
  );
}
