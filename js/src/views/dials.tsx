/** Sliders that change the photo itself: the view shows it at once, the model's own picture follows. */
import { Groove } from "../components/groove";
import { amountText, type Dial, dialsOf } from "../darkroom";
import { prediction } from "../format";
import type { ImageLayout } from "../schema.gen";
import type { Store } from "../store";
import { imageSize } from "./canvas";

export function Dials({ store, layout }: { store: Store; layout: ImageLayout }) {
  if (!store.reachable.value) return null;
  return (
    <>
      <div class="hd">change the photo</div>
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
  const last = Math.round((high - low) / step);
  const place = (value: number) => Math.max(0, Math.min(1, (value - low) / (high - low)));
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
        line={[]}
        plain
        dot={[place(amount), 0.5]}
        ring={amount === 0 ? null : [place(0), 0.5]}
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
