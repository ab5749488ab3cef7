/** One column a method, one row a feature, all on one scale and in one order. */
import { endsOf, type Shown } from "../board";
import { Axis, Bar } from "../components/bar";
import { useStill } from "../components/still";
import { decider, heightsOf } from "../flips";
import { axisEnd, decimalsFor, fixed, signClass, signed, whole } from "../format";
import { couldBeZero } from "../scales";
import type { Board, ColumnInfo } from "../schema.gen";
import type { Store } from "../store";
import { thresholdOf } from "../words";
import { togglePiece } from "./canvas";
import { ColumnCells, type Ground } from "./row";

const SHOWN = 10;

interface SideProps {
  store: Store;
  board: Board;
  columns: Shown[];
  output: number;
  /** Which column features are sorted by. */
  by: number;
  order: number[];
  setBy: (at: number) => void;
  hot: number;
  setHot: (feature: number) => void;
}

/** Up to so many methods leave room for a track beside each name. */
const ROOMY = 3;

export function SideBySide({ store, board, columns, output, by, order, setBy, hot, setHot }: SideProps) {
  const all = store.display.value.all_rows ?? false;
  const still = useStill(output);
  const n = board.names.length;
  const ends = endsOf(columns);
  const listed = all || n <= SHOWN + 1 ? order : order.slice(0, SHOWN);
  const infos = infosOf(store, board);
  const ground = infos && groundOf(store, board, output);
  const { struck, hidden } = store.whatif.changes.value;
  const pieces = store.reachable.value && !board.coarser && store.geometry.value?.layout.type === "pixels";
  const gone = (feature: number) => !infos && (struck.has(feature) || hidden.has(feature));
  const paths = store.paths.value;
  const tracks = ground !== null && (ground.live || paths.response.size > 0);
  const said = (feature: number) => infos?.[feature]?.name ?? board.names[feature] ?? "";
  const digits = Math.max(
    0,
    ...columns.flatMap(({ values }, i) => {
      const decimals = decimalsFor(board.output_unit, ends[i] as number);
      return listed.map((feature) => signed(values?.[feature] ?? 0, decimals).length);
    }),
  );
  const kind = `${tracks ? " tracks" : ""}${columns.length <= ROOMY ? " roomy" : ""}${still}`;
  return (
    <div
      class={`cp${kind}`}
      role="table"
      aria-label="Features by method"
      style={{ "--methods": columns.length, "--digits": `${digits + 1}ch` }}
    >
      <div class="cp-r cp-h" role="row">
        <div class="who" role="none">
          <div class="nm" role="columnheader">
            <span class="q s">{board.things.replace(/s$/, "")}</span>
          </div>
          {tracks && <TrackHeads ground={ground} drawn={paths.response.size > 0} />}
        </div>
        {columns.map((shown) => (
          <Head key={shown.at} shown={shown} sorted={shown.at === by} sort={() => setBy(shown.at)} />
        ))}
      </div>
      {listed.map((feature) => (
        <div
          class={`cp-r${hot === feature ? " hot" : ""}`}
          role="row"
          key={feature}
          onPointerEnter={() => setHot(feature)}
          onPointerLeave={() => setHot(-1)}
          onFocusIn={() => setHot(feature)}
          onFocusOut={() => setHot(-1)}
        >
          <div class="who" role="none">
            <div class={`nm${gone(feature) ? " gone" : ""}`} role="rowheader" title={said(feature)}>
              {pieces ? (
                <button
                  type="button"
                  aria-pressed={hidden.has(feature)}
                  title={hidden.has(feature) ? "Bring it back" : "Hide it"}
                  onClick={() => togglePiece(store, feature)}
                >
                  {said(feature)}
                </button>
              ) : (
                <bdi>{said(feature)}</bdi>
              )}{" "}
              {!tracks && board.values[feature] && <span class="q s">{board.values[feature]}</span>}
            </div>
            {tracks && infos?.[feature] && (
              <ColumnCells
                feature={feature}
                column={infos[feature]}
                path={paths.response.get(feature)}
                ground={ground}
              />
            )}
          </div>
          {columns.map((shown, i) => (
            <Cell key={shown.at} shown={shown} feature={feature} end={ends[i] as number} unit={board.output_unit} />
          ))}
        </div>
      ))}
      <div class="cp-r cp-x" role="row">
        <div class="who" role="none">
          <div class="nm" role="cell">
            {n > SHOWN + 1 && (
              <button type="button" class="lnk" aria-expanded={all} onClick={() => store.show({ all_rows: !all })}>
                {all ? "fewer" : `all ${whole(n)}`}
              </button>
            )}
          </div>
        </div>
        {columns.map((shown, i) => (
          <div class="c" role="cell" key={shown.at}>
            {shown.values && (
              <Axis
                end={ends[i] as number}
                decimals={decimalsFor(board.output_unit, ends[i] as number)}
                words={false}
              />
            )}
          </div>
        ))}
      </div>
    </div>
  );
}

/** What can be moved in each row; null where rows are no columns, or are groups of those that can. */
function infosOf(store: Store, board: Board): ColumnInfo[] | null {
  const layout = store.geometry.value?.layout;
  const fits = layout?.type === "columns" && !board.coarser && layout.columns.length >= board.names.length;
  return fits ? layout.columns : null;
}

/** What rows need to draw their tracks; null before the input is known. */
function groundOf(store: Store, board: Board, output: number): Ground | null {
  const geometry = store.geometry.value;
  if (!geometry) return null;
  const predictions = store.predictions.value;
  const score = predictions?.[output] ?? Number.NaN;
  const decide = decider(geometry, output, output);
  const threshold = thresholdOf(geometry, output);
  return {
    store,
    decide,
    now: decide([...(predictions ?? [])]),
    heights: heightsOf(store.paths.value, output, threshold, geometry.output_unit, score),
    threshold,
    live: store.reachable.value,
    row: output,
    score,
    run: board.run,
  };
}

function TrackHeads({ ground, drawn }: { ground: Ground; drawn: boolean }) {
  const { low, high } = ground.heights;
  return (
    <>
      <div class="q s" role="columnheader">
        value
      </div>
      <div class="q s" role="columnheader">
        prediction if moved{drawn && `, ${axisEnd(low)}\u2013${axisEnd(high)}`}
      </div>
    </>
  );
}

function Head({ shown, sorted, sort }: { shown: Shown; sorted: boolean; sort: () => void }) {
  const { column, note } = shown;
  const seconds = column.seconds === null ? "" : `${fixed(column.seconds, 2)} s, ${whole(column.rows)} rows`;
  return (
    <div class="c" role="columnheader" aria-sort={sorted ? "descending" : "none"}>
      <button type="button" class={sorted ? "on" : ""} title={`Sort by ${column.label}`} onClick={sort}>
        <b>{column.label}</b>
      </button>
      {column.state === "failed" ? (
        <span class="why">{column.why_not}</span>
      ) : column.state === "waiting" || column.state === "running" ? (
        <span class="q">{column.state === "running" ? "running\u2026" : "waiting"}</span>
      ) : (
        <span class="q">
          {[note, column.unit, seconds].filter(Boolean).map((line) => (
            <span key={line} class="ln">
              {line}
            </span>
          ))}
        </span>
      )}
    </div>
  );
}

function Cell({
  shown,
  feature,
  end,
  unit,
}: {
  shown: Shown;
  feature: number;
  end: number;
  unit: Board["output_unit"];
}) {
  if (!shown.values) return <div class="c" role="cell" />;
  const value = shown.values[feature] ?? Number.NaN;
  const error = shown.errors?.[feature];
  const decimals = decimalsFor(unit, end);
  const sign = couldBeZero(value, error) ? "q" : signClass(value, decimals);
  return (
    <div class="c" role="cell">
      <Bar value={value} error={error} end={end} />
      <span class={`num ${sign}`}>{signed(value, decimals)}</span>
    </div>
  );
}
