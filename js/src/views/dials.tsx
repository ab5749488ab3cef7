/** Sliders that change the photo itself: the view shows it at once, the model's own picture follows. */
import type { ComponentChildren } from "preact";
import { Groove } from "../components/groove";
import { heightAt } from "../curves";
import { amountText, type Dial, dialsOf } from "../darkroom";
import { prediction } from "../format";
import type { ImageLayout } from "../schema.gen";
import type { Store } from "../store";
import { imageSize } from "./canvas";

interface DialsProps {
  store: Store;
  layout: ImageLayout;
  /** What a drag on the photo does, and how. */
  tools: ComponentChildren;
  children: ComponentChildren;
}

export function Dials({ store, layout, tools, children }: DialsProps) {
  const { adjustment } = store.paths.value;
  const behind = [...adjustment.keys()].some(store.behind.value);
  if (!store.reachable.value && adjustment.size === 0) return null;
  return (
    <>
      <div class="hd wrap">
        <span>
          {behind
            ? "dotted: before this change"
            : `change the photo${adjustment.size ? ": curve is the prediction" : ""}`}
        </span>
        {store.reachable.value && tools}
      </div>
      {store.reachable.value && children}
      {dialsOf(...imageSize(layout)).map((dial) => (
        <DialRow key={dial.kind} store={store} dial={dial} />
      ))}
    </>
  );
}

function DialRow({ store, dial }: { store: Store; dial: Dial }) {
  const { kind, low, high, step } = dial;
  const { whatif } = store;
  const amount = whatif.changes.value.adjusted.get(kind) ?? 0;
  const unit = store.geometry.value?.output_unit ?? "raw";
  const score = prediction(store.picture.value.prediction, unit);
  const place = (value: number) => Math.max(0, Math.min(1, (value - low) / (high - low)));
  const { row, prediction: now } = store.picture.value;
  const heights = heightsAlong(store, row, now);
  const path = store.paths.value.adjustment.get(kind);
  const line = path ? [...(path.y[row] ?? [])].map((y, i) => [place(path.x[i] as number), heights(y)] as const) : [];
  const last = Math.round((high - low) / step);
  const valueAt = (at: number) => Number((low + at * step).toFixed(6));
  const text = amountText(kind, amount);
  return (
    <>
      <span class="lb">{kind}</span>
      <Groove
        label={kind}
        valueText={`${text}, ${unit === "raw" ? "prediction" : unit} ${score}`}
        step={Math.round((amount - low) / step)}
        last={last}
        line={line}
        plain={line.length === 0}
        dot={[place(amount), line.length > 0 ? heights(now) : 0.5]}
        ring={
          amount === 0
            ? null
            : [place(0), line.length > 0 ? heights(heightAt(path?.x ?? [], path?.y[row] ?? [], 0)) : 0.5]
        }
        behind={line.length > 0 && store.behind.value(kind)}
        unconfirmed={whatif.foreseen.value?.source === "curve"}
        tip={`${text} \u2192 ${score}`}
        onInput={(at) => {
          const to = valueAt(at);
          if (to !== amount) whatif.move({ op: "adjust", kind, amount: to });
        }}
        onRelease={() => whatif.commit()}
        onKey={(key) => {
          if (key === "original" && amount !== 0) whatif.change({ op: "adjust", kind, amount: 0 });
          return key === "original";
        }}
      />
      <span class={amount === 0 ? "rd q" : "rd"}>{text}</span>
    </>
  );
}

/** One height scale for all dials: a flat curve means that this does not matter here. */
function heightsAlong(store: Store, row: number, now: number): (score: number) => number {
  let [low, high] = [now, now];
  for (const path of store.paths.value.adjustment.values())
    for (const score of path.y[row] ?? []) {
      if (score < low) low = score;
      if (score > high) high = score;
    }
  return (score) => 0.06 + (0.88 * (Math.max(low, Math.min(high, score)) - low)) / (high - low || 1);
}
