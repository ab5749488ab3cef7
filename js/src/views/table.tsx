import { useEffect, useRef } from "preact/hooks";
import { domainOf } from "../columns";
import { Axis, Bar } from "../components/bar";
import { useMovingRows } from "../components/moving";
import { useShared } from "../components/shared";
import { useStill } from "../components/still";
import { type FeatureRow, rowsOf } from "../features";
import { decider, heightsOf, present } from "../flips";
import { axisEnd, counted, decimalsFor, signed } from "../format";
import { couldBeZero, numbersWidth, USUAL_NUMBERS } from "../scales";
import type { Geometry } from "../schema.gen";
import type { Store } from "../store";
import { thresholdOf } from "../words";
import { OVERVIEW_FROM, Overview } from "./overview";
import { type Ground, Row } from "./row";

/** How many rows stand before "n more features". */
const SHOWN = { wide: 10, narrow: 6 };

/** One row a feature: name, value, response track, bar with its interval, number. */
export function TableView({ store, narrow }: { store: Store; narrow: boolean }) {
  const geometry = store.geometry.value;
  const { values, errors, order, end, row: output } = store.picture.value;
  const still = useStill(output);
  const [query, setQuery] = useShared(store, "query", "");
  const grid = useRef<HTMLDivElement>(null);
  useMovingRows(grid, order);
  const { all_rows: all = false, sort = "weight" } = store.display.value;
  const hold = useHold(store);
  if (!geometry) return null;
  const rows = rowsOf(geometry);
  const decimals = decimalsFor(geometry.output_unit, end);
  const places = order.length === rows.length ? order : rows.map((_, feature) => feature);
  const most = narrow ? SHOWN.narrow : SHOWN.wide;
  // a lone last row takes no more room than the line that would hide it
  const cut = all || places.length <= most + 1 ? places.length : most;
  const hidden = places.slice(cut);
  const wanted = query.trim().toLocaleLowerCase();
  const listed = wanted ? found(places, rows, wanted) : places.slice(0, cut);
  const numbers = numbersWidth(values, errors, decimals);
  const ground = groundOf(store, geometry);
  const columns = geometry.layout.type === "columns" ? geometry.layout.columns : [];
  const paths = store.paths.value;
  const removed = store.removal.value?.removed;
  const tracks = columns.some(
    (column, at) => column.raw !== undefined && domainOf(column, column.raw) && (ground.live || paths.response.has(at)),
  );
  const by = (next: "weight" | "name") => () => store.show({ sort: sort === next ? "original" : next });
  return (
    <>
      {places.length >= OVERVIEW_FROM && <Overview {...{ values, order: places, end, shown: cut, query, setQuery }} />}
      <div
        class={`jx-grid${tracks ? " tracks" : ""}${still}`}
        role="table"
        aria-label="Features by contribution"
        style={{ "--numbers": `${numbers}px` }}
        ref={grid}
        {...hold}
      >
        <div class="jx-row th" role="row">
          <div role="columnheader" aria-sort={sort === "name" ? "ascending" : "none"}>
            <button type="button" class={sort === "name" ? "on" : ""} title="Sort by name" onClick={by("name")}>
              feature
            </button>
          </div>
          <div role="columnheader">value</div>
          {tracks && <TrackHead ground={ground} drawn={paths.response.size > 0} />}
          <div role="columnheader" aria-label="contribution">
            {values ? (
              <Axis end={end} decimals={decimals} words={numbers <= USUAL_NUMBERS} />
            ) : (
              <span class="vh">contribution</span>
            )}
          </div>
          <div role="columnheader" aria-sort={sort === "weight" ? "descending" : "none"}>
            <button type="button" title="Sort by weight" onClick={by("weight")}>
              {errors ? "± 95%" : "weight"}
            </button>
          </div>
        </div>
        {listed.map((feature) => (
          <Row
            key={feature}
            feature={feature}
            row={rows[feature] as FeatureRow}
            column={columns[feature]}
            path={paths.response.get(feature)}
            removed={removed?.has(feature) ?? false}
            ground={ground}
            value={values?.[feature]}
            error={errors?.[feature]}
            end={end}
            decimals={decimals}
          />
        ))}
        {wanted && listed.length === 0 && <p class="m q">No feature has this in its name.</p>}
        {!wanted && (hidden.length > 0 || (all && places.length > most + 1)) && (
          <Rest
            features={hidden}
            values={values}
            errors={errors}
            end={end}
            decimals={decimals}
            all={all}
            toggle={() => store.show({ all_rows: !all })}
          />
        )}
      </div>
    </>
  );
}

/** What rows need to draw their tracks and to say where the decision turns. */
function groundOf(store: Store, geometry: Geometry): Ground {
  const { estimate, row, target, prediction } = store.picture.value;
  const decide = decider(geometry, target, row);
  const threshold = thresholdOf(geometry, target);
  return {
    store,
    decide,
    now: decide(present(store.predictions.value, estimate?.targets ?? [])),
    heights: heightsOf(store.paths.value, row, threshold, geometry.output_unit, prediction),
    threshold,
    live: store.reachable.value && geometry.layout.type === "columns",
    row,
    score: prediction,
    run: estimate?.run ?? Number.NaN,
  };
}

function TrackHead({ ground, drawn }: { ground: Ground; drawn: boolean }) {
  const { low, high } = ground.heights;
  const behind = ground.store.behind.value("");
  return (
    <div role="columnheader" class="th-trk">
      <span>{drawn && behind ? "dotted: before this change" : "prediction if moved"}</span>
      {drawn && !behind && <span>{`, ${axisEnd(low)}–${axisEnd(high)}`}</span>}
      {drawn && ground.now !== null && (
        <span class="key">
          <i aria-hidden="true" /> flips
        </span>
      )}
    </div>
  );
}

const MOST_FOUND = 30;

/** Features by a part of their name, in the order of the rows. */
function found(places: number[], rows: FeatureRow[], part: string): number[] {
  return places.filter((feature) => rows[feature]?.name.toLocaleLowerCase().includes(part)).slice(0, MOST_FOUND);
}

/** Nobody who points at a row or has it in focus should see it jump. */
function useHold(store: Store) {
  const release = useRef<(() => void) | null>(null);
  const held = useRef({ pointer: false, focus: false });
  const update = (patch: { pointer?: boolean; focus?: boolean }) => {
    Object.assign(held.current, patch);
    const wanted = held.current.pointer || held.current.focus;
    if (wanted && !release.current) release.current = store.hold();
    if (!wanted) {
      release.current?.();
      release.current = null;
    }
  };
  useEffect(() => () => release.current?.(), []);
  return {
    onPointerEnter: () => update({ pointer: true }),
    onPointerLeave: () => update({ pointer: false }),
    onFocusIn: () => update({ focus: true }),
    onFocusOut: () => update({ focus: false }),
  };
}

interface RestProps {
  features: number[];
  values: Float32Array | null;
  errors: Float32Array | null;
  end: number;
  decimals: number;
  all: boolean;
  toggle: () => void;
}

/** The features that are not listed, as one thin bar. */
function Rest({ features, values, errors, end, decimals, all, toggle }: RestProps) {
  const sum = features.reduce((total, feature) => total + (values?.[feature] ?? 0), 0);
  const zero = features.filter((feature) => couldBeZero(values?.[feature] ?? Number.NaN, errors?.[feature])).length;
  return (
    <div class="jx-row jx-more" role="row">
      <div class="nm" role="cell">
        <button type="button" class="lnk" aria-expanded={all} onClick={toggle}>
          {all ? "Show fewer" : counted(features.length, "more features")}
        </button>
        {!all && values && <span class="q"> together{zero > 0 && `; ${zero} of them could be zero`}</span>}
      </div>
      <div class="cellbar" role="cell" aria-hidden="true">
        {!all && values && <Bar value={sum} end={end} />}
      </div>
      <div class="num" role="cell">
        {!all && values && (
          <>
            <span class="q">{signed(sum, decimals)}</span>
            {errors && <span class="s gap">±{signed(0, decimals)}</span>}
          </>
        )}
      </div>
    </div>
  );
}
