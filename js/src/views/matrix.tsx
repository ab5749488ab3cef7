/** Which features act together: a square a pair, darker for more. */
import { float32 } from "../decode";
import { significant } from "../format";
import type { Overview } from "../schema.gen";

const SAID = 5;

export function Matrix({ over, output }: { over: Overview; output: number }) {
  const pairs = over.pairs;
  if (!pairs) return null;
  const { names } = pairs;
  const n = names.length;
  const values = (float32(pairs.values) as Float32Array).subarray(output * n * n, (output + 1) * n * n);
  const at = (a: number, b: number) => Math.abs(values[a * n + b] as number);
  const both = names.flatMap((_, a) => names.slice(0, a).map((_, b) => [a, b] as const));
  both.sort(([a, b], [c, d]) => at(c, d) - at(a, b));
  const most = (both[0] && at(...both[0])) || 1;
  const said = both.slice(0, SAID).map(([a, b]) => `${names[b]} with ${names[a]} ${significant(at(a, b))}`);
  return (
    <section class="gl-p" aria-label="Pairs">
      <div class="m">
        <b>Which act together</b> <span class="q">{said.join("; ")}</span>
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
                title={a === b ? name : `${name} with ${other}: ${significant(at(a, b))}`}
                style={{ opacity: a === b ? 0 : at(a, b) / most }}
              />
            ))}
          </>
        ))}
      </div>
    </section>
  );
}
