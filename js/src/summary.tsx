/** Methods judged over many rows: means with their intervals, and differences row by row. */
import { Message, Messages } from "./controls/message";
import { Progress, StateAndStop } from "./controls/state";
import { duration, measured } from "./format";
import { Guard, useEscape } from "./guard";
import type { Summary, SummaryCell, SummaryMetric } from "./schema.gen";
import type { Store } from "./store";

interface SummaryProps {
  store: Store;
  root: HTMLElement;
  onBroken: (error: unknown) => void;
}

export function SummaryApp({ store, root, onBroken }: SummaryProps) {
  useEscape(root, store);
  return (
    <Guard onBroken={onBroken}>
      <Summed store={store} />
    </Guard>
  );
}

function Summed({ store }: { store: Store }) {
  const summary = store.summary.value;
  if (!summary || summary.methods.length === 0)
    return (
      <>
        <Message kind="note">
          <p class="m">Explaining the first row with every method.</p>
        </Message>
        <Messages store={store} />
      </>
    );
  const { verdict, notices, methods, metrics } = summary;
  return (
    <>
      <SummaryHead store={store} summary={summary} />
      <Messages store={store} />
      {verdict && <p class="jx-say">{verdict}</p>}
      <div class="sm">
        {metrics.map((metric) => (
          <MetricTable key={metric.name} summary={summary} metric={metric} />
        ))}
      </div>
      <p class="s q">
        Means over rows with 95 % intervals; differences are taken row by row, and their intervals hold for all methods
        together. Hollow: may be as good as the best. Time of a row:{" "}
        {methods
          .filter(({ seconds }) => seconds !== null)
          .map(({ label, seconds }) => `${label} ${duration(seconds ?? 0)}`)
          .join(", ")}
        . {notices.join(" ")}
      </p>
    </>
  );
}

function SummaryHead({ store, summary }: { store: Store; summary: Summary }) {
  return (
    <div class="jx-head">
      <div class="jx-outs">
        <b>{summary.methods.length} methods</b> <span class="q">seed {summary.random_state}</span>
      </div>
      <div class="jx-meta">
        <StateAndStop store={store} once />
      </div>
      <Progress store={store} />
    </div>
  );
}

/** One metric: a row a method, on one scale. */
function MetricTable({ summary, metric }: { summary: Summary; metric: SummaryMetric }) {
  const { name, better, unit, cells, winner, best, own, said } = metric;
  const place = placesOf(cells);
  const note = [better && `${better} is better`, unit].filter(Boolean).join(", ");
  return (
    <table class="sm-t">
      <caption>
        <b>{name}</b> <span class="q s">{note}</span>
        {winner >= 0 && own && <span class="q s">{` \u2014 the best one's own ground: ${own}`}</span>}
        {said && <span class="q s">{` \u2014 ${said}`}</span>}
      </caption>
      <thead>
        <tr>
          <th scope="col">method</th>
          <th scope="col">
            <span class="vh">interval</span>
          </th>
          <th scope="col">mean</th>
          <th scope="col">to the best</th>
        </tr>
      </thead>
      <tbody>
        {summary.methods.map(({ label, why_not }, at) => {
          const cell = cells[at];
          if (!cell || why_not) return null;
          const said = apart(cell, at === best, at === winner);
          const doubt = isOpen(cell);
          return (
            <tr key={label} class={at === winner ? "win" : ""}>
              <th scope="row" title={label}>
                {label}
              </th>
              <td>{cell.mean !== null && <Interval cell={cell} place={place} doubt={doubt} />}</td>
              <td class="num">
                {cell.mean === null ? (
                  <span class="q">none</span>
                ) : (
                  <>
                    {measured(cell.mean)} <span class="q s">{within(cell.half)}</span>
                  </>
                )}
              </td>
              <td class={doubt ? "num q" : "num"} title={doubt ? "its interval includes zero" : ""}>
                {said}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

const within = (half: number | null) => (half === null ? "" : `±${measured(half)}`);

/** Whether nothing says that this method is behind the best one. */
const isOpen = ({ behind, behind_half: half }: SummaryCell) =>
  behind !== null && (half === null || Math.abs(behind) <= half);

function apart(cell: SummaryCell, best: boolean, winner: boolean): string {
  const { behind, behind_half: half } = cell;
  if (winner) return "better than all";
  if (best) return "best mean";
  if (behind === null) return "";
  const size = measured(behind);
  if (size === "0" && within(half) === "±0") return "the same";
  return `${behind > 0 && size !== "0" ? "+" : ""}${size} ${within(half)}`;
}

/** Where a value stands between the ends of all intervals, from 0 to 100. */
function placesOf(cells: readonly SummaryCell[]): (value: number) => number {
  const ends = cells.flatMap(({ mean, half }) => (mean === null ? [] : [mean - (half ?? 0), mean + (half ?? 0)]));
  const low = Math.min(...ends);
  const span = Math.max(...ends) - low || 1;
  return (value) => 3 + (94 * (value - low)) / span;
}

interface IntervalProps {
  cell: SummaryCell;
  place: (value: number) => number;
  /** It may be as good as the best. */
  doubt: boolean;
}

function Interval({ cell, place, doubt }: IntervalProps) {
  const mean = cell.mean ?? 0;
  const half = cell.half ?? 0;
  const [from, to] = [place(mean - half), place(mean + half)];
  return (
    <div class="sm-i" aria-hidden="true">
      <i class="w" style={{ left: `${from}%`, width: `${to - from}%` }} />
      <i class={doubt ? "d hollow" : "d"} style={{ left: `${place(mean)}%` }} />
    </div>
  );
}
