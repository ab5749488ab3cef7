/** One feature of a table: its name, the value in the reader's hands, its track, bar and number. */
import { useRef } from "preact/hooks";
import { domainOf, valueText } from "../columns";
import { Bar, Weight } from "../components/bar";
import { Groove } from "../components/groove";
import { MiddleName } from "../components/names";
import { ValueField } from "../components/value";
import { heightAt, type Path } from "../curves";
import { same } from "../decode";
import type { Value } from "../edits";
import type { FeatureRow } from "../features";
import { type Decide, flipOf, foundFlip, type Heights, keyOf, lineOf, zonesOf } from "../flips";
import { condition, prediction, shortCondition, UNKNOWN } from "../format";
import { couldBeZero } from "../scales";
import type { ColumnInfo } from "../schema.gen";
import type { Store } from "../store";

/** What all rows of a table share. */
export interface Ground {
  store: Store;
  decide: Decide;
  /** The present side of the decision. */
  now: number | null;
  heights: Heights;
  threshold: number | null;
  /** Whether values can be changed, or only looked at along the curve. */
  live: boolean;
  /** The shown output among the explained ones, its prediction, and the run that told it. */
  row: number;
  score: number;
  run: number;
}

interface RowProps {
  feature: number;
  row: FeatureRow;
  column: ColumnInfo | undefined;
  path: Path | undefined;
  value: number | undefined;
  error: number | undefined;
  end: number;
  decimals: number;
  removed: boolean;
  ground: Ground;
}

export function Row({ feature, row, column, path, value, error, end, decimals, removed, ground }: RowProps) {
  const faint = value !== undefined && couldBeZero(value, error);
  return (
    <div class={`jx-row${faint ? " faint" : ""}${removed ? " gone" : ""}`} role="row" data-row={feature}>
      <div class="nm" role="rowheader" title={row.name}>
        <MiddleName name={row.name} />
      </div>
      {column ? <ColumnCells feature={feature} column={column} path={path} ground={ground} /> : <Plain row={row} />}
      <div class="cellbar" role="cell" aria-hidden="true">
        <Bar value={value ?? Number.NaN} error={error} end={end} />
      </div>
      <div class="num" role="cell">
        {value === undefined ? (
          <span class="q">{UNKNOWN}</span>
        ) : (
          <Weight value={value} error={error} decimals={decimals} />
        )}
      </div>
    </div>
  );
}

/** A feature that is not a column: its value is only said. */
function Plain({ row }: { row: FeatureRow }) {
  return (
    <div class="jx-val" role="cell" title={[row.value, row.unit].filter(Boolean).join(" ")}>
      <Said missing={row.missing} text={row.value} />
      {row.unit && <span class="u">{row.unit}</span>}
    </div>
  );
}

function Said({ missing, text }: { missing: boolean; text: string }) {
  return missing ? <span class="q">missing</span> : <bdi class="val">{text}</bdi>;
}

/** The present value of a column, after edits. */
function presentValue(column: ColumnInfo, ground: Ground): Value {
  const { values } = ground.store.whatif.changes.value;
  const key = keyOf(column);
  return values.has(key) ? (values.get(key) ?? null) : column.raw;
}

interface CellsProps {
  feature: number;
  column: ColumnInfo;
  path: Path | undefined;
  ground: Ground;
}

export function ColumnCells({ feature, column, path, ground }: CellsProps) {
  const { whatif } = ground.store;
  const value = presentValue(column, ground);
  const moved = !same(value, column.raw);
  const edit = (to: Value) => ({ op: "set" as const, feature: keyOf(column), value: to });
  const fits = column.condition === "" || moved ? "" : shortCondition(column.condition, column.name);
  // "purpose = car, used" beside "car, used" says nothing more, nor "is missing" beside "missing"
  const adds = fits !== "" && !column.missing && fits !== `= ${column.value}`;
  const title = [valueText(value, column), column.unit, condition(column.condition)].filter(Boolean).join(" ");
  return (
    <>
      <div class={`jx-val${moved ? " moved" : ""}`} role="cell" title={title}>
        {ground.live && column.raw !== undefined ? (
          <ValueField column={column} value={value} onChange={(to) => whatif.change(edit(to))} />
        ) : (
          <Said missing={column.missing} text={column.value} />
        )}
        {column.unit && <span class="u">{column.unit}</span>}
        {moved && <span class="u was">was {column.value}</span>}
        {adds && <span class="u cond">{fits}</span>}
      </div>
      <div class="cell" role="cell">
        <ColumnTrack feature={feature} column={column} path={path} ground={ground} value={value} edit={edit} />
      </div>
    </>
  );
}

interface TrackProps extends CellsProps {
  value: Value;
  edit: (to: Value) => { op: "set"; feature: string; value: Value };
}

function ColumnTrack({ feature, column, path, ground, value, edit }: TrackProps) {
  const { store, heights, decide, now, threshold, live, row, score } = ground;
  const { whatif } = store;
  // a track that reached out to a value beyond its range must not shrink under the hand
  const held = useRef(value);
  if (!whatif.moving.value) held.current = value;
  const domain = domainOf(column, value, held.current);
  if (!domain || column.raw === undefined || (!live && !path)) return null;
  const unit = store.geometry.value?.output_unit ?? "raw";
  const score_ = prediction(score, unit);
  const text = valueText(value, column);
  const said = `${text}${column.unit ? ` ${column.unit}` : ""}`;
  const place = domain.placeOf(value);
  const line = path ? lineOf(path, row, domain, heights) : [];
  const curve = path?.y[row];
  const behind = path !== undefined && store.behind.value(keyOf(column));
  const moved = !same(value, column.raw);
  const wasAt = path && curve ? heightAt(path.x, curve, domain.onCurve(column.raw)) : Number.NaN;
  const ring = moved && Number.isFinite(wasAt) ? ([domain.placeOf(column.raw), heights.place(wasAt)] as const) : null;
  const nearest = () => {
    const { run, flips } = store.paths.value;
    const caughtUp = run === ground.run && whatif.foreseen.value === null;
    const asked = caughtUp ? foundFlip(feature, column, value, flips.get(feature), row) : null;
    return asked ?? (path && !behind ? flipOf(feature, column, value, path, decide, now) : null);
  };
  const move = (to: Value) => {
    if (!same(to, value)) whatif.move(edit(to));
  };
  return (
    <Groove
      label={column.name}
      valueText={`${said}, ${unit === "raw" ? "prediction" : unit} ${score_}`}
      step={domain.stepOf(value)}
      last={domain.last}
      line={line}
      zones={path && !behind ? zonesOf(path, domain, decide, now) : []}
      threshold={threshold === null || line.length === 0 ? null : heights.place(threshold)}
      dot={[place, line.length > 0 ? heights.place(score) : 0.5]}
      ring={ring}
      tip={`${text} \u2192 ${score_}`}
      behind={behind}
      unconfirmed={whatif.foreseen.value?.source === "curve"}
      onInput={(step) => move(domain.valueAt(step))}
      onRelease={() => whatif.commit()}
      onKey={(key) => {
        const flip = key === "flip" ? nearest() : null;
        if (flip) whatif.change(edit(flip.value));
        if (key === "original" && moved) whatif.change(edit(column.raw));
        return true;
      }}
    />
  );
}
