/** What judges explanations: removal curves beside random orders, agreement, metrics with their intervals. */
import type { Shown } from "../board";
import { axisEnd, fixed, measured } from "../format";
import type { Board, BoardMetric } from "../schema.gen";

const HEIGHT = 92;
const DASHES = ["", "7 3", "2 2", "9 3 2 3", "4 4", "1 3"];

interface CurvesProps {
  board: Board;
  columns: readonly Shown[];
  output: number;
  /** More is on its way: the place is kept. */
  streaming: boolean;
}

/** Does the model agree? The prediction as each method's top features are removed. */
export function Curves({ board, columns, output, streaming }: CurvesProps) {
  const drawn = columns.filter((shown) => shown.removal?.y[output]);
  const chance = drawn.find((shown) => shown.chance)?.chance ?? null;
  if (drawn.length === 0)
    return streaming && columns.some((shown) => shown.metrics.length > 0) ? (
      <div>
        <div class="m">
          <b>Does the model agree?</b> <span class="q">Removing each method's top features…</span>
        </div>
        <div class="cp-c" />
      </div>
    ) : null;
  const most = Math.max(...drawn.map((shown) => shown.removal?.x.at(-1) ?? 0));
  const heights = drawn.flatMap((shown) => [...(shown.removal?.y[output] ?? [])]);
  for (const side of chance ? [chance.low[output], chance.high[output]] : []) heights.push(...(side ?? []));
  const found = heights.filter(Number.isFinite);
  const unit = board.output_unit === "probability";
  const low = unit ? 0 : Math.min(...found);
  const high = unit ? Math.max(...found) : Math.max(...found);
  const span = high - low || 1;
  const place = (value: number) => HEIGHT * (1 - (value - low) / span);
  const line = (x: ArrayLike<number>, y: ArrayLike<number>) =>
    Array.from(x, (at, i) => `${at},${place(y[i] as number).toFixed(1)}`).join("L");
  const [lower, upper] = [chance?.low[output], chance?.high[output]];
  const ends = spread(
    drawn.map((shown, i) => ({
      label: shown.column.label,
      dash: DASHES[i % DASHES.length] as string,
      y: place(shown.removal?.y[output]?.at(-1) ?? low),
    })),
  );
  const label = drawn.map((shown) => shown.column.label).join(", ");
  return (
    <div>
      <div class="m">
        <b>Does the model agree?</b> <span class="q">Remove each method's top features.</span>
      </div>
      <div class="cp-c" role="img" aria-label={`Removal curves of ${label}, beside random orders`}>
        <svg viewBox={`0 0 ${most} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
          {chance && lower && upper && (
            <path
              class="band"
              d={`M${line(chance.x, lower)}L${line([...chance.x].reverse(), [...upper].reverse())}Z`}
            />
          )}
          {chance?.y[output] && <path class="rnd" d={`M${line(chance.x, chance.y[output])}`} />}
          {drawn.map((shown, i) => (
            <path
              key={shown.at}
              stroke-dasharray={DASHES[i % DASHES.length]}
              d={`M${line(shown.removal?.x ?? [], shown.removal?.y[output] ?? [])}`}
            />
          ))}
        </svg>
        <span class="y s q" style={{ top: 0 }}>
          {axisEnd(Number(high.toPrecision(2)))}
        </span>
        <span class="y s q" style={{ top: `${HEIGHT}px` }}>
          {axisEnd(Number(low.toPrecision(2)))}
        </span>
        {ends.map((end) => (
          <span class="e s" key={end.label} style={{ top: `${end.y}px` }}>
            <svg viewBox="0 0 18 6" aria-hidden="true">
              <line x1="0" x2="18" y1="3" y2="3" stroke-dasharray={end.dash} />
            </svg>{" "}
            {end.label}
          </span>
        ))}
        <span class="x s q">
          0 to {most} {board.things} removed; band: random orders
        </span>
      </div>
    </div>
  );
}

const APART = 14;

/** Labels at the ends of lines, none over another. */
function spread<Label extends { y: number }>(labels: Label[]): Label[] {
  const sorted = [...labels].sort((a, b) => a.y - b.y);
  for (let i = 1; i < sorted.length; i++) {
    const [before, here] = [sorted[i - 1] as Label, sorted[i] as Label];
    here.y = Math.max(here.y, before.y + APART);
  }
  const over = (sorted.at(-1)?.y ?? 0) - (HEIGHT - 8);
  if (over > 0) for (const each of sorted) each.y = Math.max(0, each.y - over);
  return sorted;
}

/** Do they agree with each other? */
export function Agreement({ board, output, streaming }: Omit<CurvesProps, "columns">) {
  if (board.pairs.length === 0) return null;
  const label = (at: number) => board.columns[at]?.label ?? "";
  const said = (value: number | null | undefined) => (value != null ? fixed(value, 2) : streaming ? "\u2026" : "none");
  return (
    <table class="cp-t">
      <caption>Do they agree with each other?</caption>
      <thead>
        <tr>
          <th scope="col">agreement</th>
          <th scope="col">rank</th>
          <th scope="col">top</th>
          <th scope="col">sign</th>
        </tr>
      </thead>
      <tbody>
        {board.pairs.map((pair) => (
          <tr key={`${pair.one} ${pair.other}`}>
            <th scope="row">
              {label(pair.one)}, {label(pair.other)}
            </th>
            <td>{said(pair.rank[output])}</td>
            <td>{said(pair.top[output])}</td>
            <td>{said(pair.sign[output])}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** One row a metric, one column a method. */
export function Metrics({ columns }: { columns: readonly Shown[] }) {
  const known = columns.filter((shown) => shown.metrics.length > 0);
  const names = [...new Set(known.flatMap((shown) => shown.metrics.map((metric) => metric.name)))];
  if (names.length === 0) return null;
  const cell = (metric: BoardMetric | undefined) => {
    if (!metric) return "";
    if (metric.value === null) return <span title={metric.said}>{metric.awaited ? "\u2026" : "none"}</span>;
    return (
      <>
        {measured(metric.value)}
        {metric.half !== null && <span class="q"> ±{measured(metric.half)}</span>}
      </>
    );
  };
  const better = (name: string) => known.flatMap((shown) => shown.metrics).find((each) => each.name === name)?.better;
  return (
    <div class="cp-m" style={{ "--methods": known.length }}>
      <table class={`cp-t${known.length > 4 ? " many" : ""}`}>
        <caption>What judges them</caption>
        <thead>
          <tr>
            <th scope="col">metric</th>
            {known.map((shown) => (
              <th scope="col" key={shown.at}>
                {shown.column.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {names.map((name) => (
            <tr key={name}>
              <th scope="row">
                {name} <span class="q s">{better(name) ? `${better(name)} is better` : ""}</span>
              </th>
              {known.map((shown) => (
                <td key={shown.at}>{cell(shown.metrics.find((metric) => metric.name === name))}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
