/** The rows worth reading: what each adds, and what they cover together. */
import { counted, prediction, whole } from "../format";
import type { Overview } from "../schema.gen";

const HIGH = 40;

export function Picks(props: { over: Overview; row: number; open: (row: number) => void }) {
  const { over, row, open } = props;
  const { picks } = over;
  if (!picks.length) return null;
  const n = picks.length;
  const y = (share: number) => HIGH * (1 - share);
  const curve = picks.map(({ covered }, i) => `L${i + 1} ${y(covered)}`).join("");
  return (
    <section class="gl-p" aria-label="Rows worth reading">
      <div class="m">
        <b>Rows worth reading</b> <span class="q">Each adds what the earlier ones lack.</span>
      </div>
      <div
        class="cp-c"
        role="img"
        aria-label={`Covered: ${picks.map((p) => `${Math.round(100 * p.covered)} %`).join(", ")}`}
      >
        <svg viewBox={`0 0 ${n} ${HIGH}`} preserveAspectRatio="none" aria-hidden="true">
          <path d={`M0 ${HIGH}${curve}`} />
        </svg>
        <span class="y s q" style={{ top: 0 }}>
          100 %
        </span>
        <span class="x s q">covered by {counted(n, "rows")}</span>
      </div>
      <div class="gl-c">
        {picks.map((pick, i) => (
          <button type="button" key={pick.row} aria-pressed={pick.row === row} onClick={() => open(pick.row)}>
            <span class="q s">
              {i + 1} · covers {Math.round(100 * pick.covered)} %
            </span>
            <b>#{whole(pick.row)}</b>
            {pick.prediction !== undefined && (
              <span class="s">
                {pick.predicted && over.output_unit === "raw" ? "highest" : "predicted"} <bdi>{pick.predicted}</bdi>{" "}
                {prediction(pick.prediction, over.output_unit)}
              </span>
            )}
            {pick.text && <bdi class="q s">{pick.text}</bdi>}
            <span class="s">
              {pick.adds ? `adds ${pick.names.join(", ")}` : "adds nothing new"}
              {pick.adds > pick.names.length && ` and ${whole(pick.adds - pick.names.length)} more`}
            </span>
          </button>
        ))}
      </div>
    </section>
  );
}
