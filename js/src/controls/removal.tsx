import { Groove } from "../components/groove";
import { Push } from "../components/push";
import { heightAt } from "../curves";
import { namesAfter } from "../features";
import { decider } from "../flips";
import { counted, decimalsFor, MINUS, prediction, shortened, whole } from "../format";
import { drawingOf, meanHeight, type Removal, turnedAt, type Verdict, verdict } from "../removal";
import { numbersWidth } from "../scales";
import type { Geometry } from "../schema.gen";
import type { Store } from "../store";
import { featureWord, thresholdOf } from "../words";

const NAMED = 2;

const WORDS: Record<Verdict, string> = {
  agrees: "the model agrees with this order",
  chance: "no better than chance",
  worse: "worse than chance: do not rely on this order",
};

/** Removes the features that raise the output most, one after another, along the curve that came with them. */
export function RemovalRow({ store }: { store: Store }) {
  const geometry = store.geometry.value;
  const { row, target, prediction: score, values, errors, end } = store.picture.value;
  const { removal, display, paths } = store;
  const found = removal.value;
  if (!geometry || (!found && !paths.value.removal.has(row))) return null;
  const things = featureWord(geometry);
  // while a hand is ahead of the curve its place is kept
  if (!found) return <div class="jx-rem q m">Removing {things}: once the explanation has caught up.</div>;
  const { order, k, path, scores } = found;
  const n = order.length;
  const unit = geometry.output_unit;
  const threshold = thresholdOf(geometry, target);
  const decide = decider(geometry, target, row);
  const drawing = drawingOf(found, row, threshold, decide);
  const here = scores?.[target] ?? heightAt(path.x, path.y[row] ?? [], 0);
  const set = (to: number) => {
    const next = Math.max(0, Math.min(n, to));
    if (next !== (display.peek().removed ?? 0)) store.show({ removed: next });
  };
  const said = `${whole(k)} of ${counted(n, things)} removed, ${unit === "raw" ? "prediction" : unit} ${prediction(here, unit)}`;
  const button = (label: string, sign: string, to: number) => (
    <Push label={label} able={to >= 0 && to <= n} act={() => set(to)}>
      {sign}
    </Push>
  );
  return (
    <div
      class="jx-rem"
      role="group"
      style={{ "--numbers": `${numbersWidth(values, errors, decimalsFor(unit, end))}px` }}
      aria-label={`Remove the ${things} that raise it most`}
    >
      <span class="nm">remove top k</span>
      <span class="ct">
        {button("one fewer", MINUS, k - 1)}
        <output aria-live="off">
          {whole(k)} of {whole(n)}
        </output>
        {button("one more", "+", k + 1)}
      </span>
      <Groove
        label={`${things} removed`}
        valueText={said}
        step={k}
        last={n}
        line={drawing.line}
        back={drawing.back}
        beside={drawing.beside}
        band={drawing.band}
        zones={drawing.zones}
        threshold={threshold === null ? null : drawing.place(threshold)}
        dot={[k / n, drawing.place(here)]}
        ring={k > 0 ? [0, drawing.place(path.y[row]?.[0] ?? score)] : null}
        tip={`without ${whole(k)} \u2192 ${prediction(here, unit)}`}
        unconfirmed={k > 0}
        onInput={set}
        onKey={(key) => {
          const first = key === "flip" ? turnedAt(path, decide).first : 0;
          if (first >= 0) set(Math.ceil(first));
          return true;
        }}
      />
      <Readout store={store} geometry={geometry} removal={found} here={here} first={turnedAt(path, decide).first} />
    </div>
  );
}

interface ReadoutProps {
  store: Store;
  geometry: Geometry;
  removal: Removal;
  here: number;
  first: number;
}

/** What the slider says: before it is moved what there is to see, then what is gone and what that did. */
function Readout({ store, geometry, removal, here, first }: ReadoutProps) {
  const { k, order, path, insertion, chance } = removal;
  const { row } = store.picture.value;
  const unit = geometry.output_unit;
  const number = (value: number) => prediction(value, unit);
  if (k === 0) {
    const says = chance ? verdict(path, chance, row) : null;
    const mean = (y: Float32Array | undefined) => number(meanHeight(path.x, y ?? []));
    return (
      <span class="rd" aria-live="polite">
        {first > 0 && (
          <>
            flips after removing <b>{whole(Math.ceil(first))}</b>
            {" · "}
          </>
        )}
        {chance && "dashed: random order"}
        {insertion && `${chance ? " \u00b7 " : ""}dotted: these alone`}
        {says && chance && (
          <span
            class="vd"
            title={`mean height ${mean(path.y[row])}, of random orders ${number(meanHeight(chance.x, chance.y[row] ?? []))}`}
          >
            {" · "}
            {WORDS[says]}
          </span>
        )}
      </span>
    );
  }
  const names = namesAfter(geometry, store.whatif.changes.value);
  const gone = order.slice(0, Math.min(k, NAMED)).map((feature) => names[feature] ?? `feature ${feature + 1}`);
  return (
    <span class="rd" aria-live="polite">
      {number(path.y[row]?.[0] ?? Number.NaN)} {"\u2192"} <b class="ink">{number(here)}</b> without{" "}
      {gone.map((name, i) => (
        <>
          {i > 0 && ", "}
          <s>
            <bdi>{shortened(name)}</bdi>
          </s>
        </>
      ))}
      {k > NAMED && ` and ${whole(k - NAMED)} more`}
      {insertion && `; these alone ${number(heightAt(insertion.x, insertion.y[row] ?? [], k))}`}
      {first > 0 && k >= Math.ceil(first) && `; flipped at ${whole(Math.ceil(first))}`}
    </span>
  );
}
