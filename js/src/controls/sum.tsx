import { NumberLine } from "../components/line";
import { counted, fixed, MINUS, prediction, signClass, sumDecimals } from "../format";
import type { Store } from "../store";
import { baseWord, featureWord, fitWords, gapWords, thresholdOf } from "../words";

/** Base + sum = prediction in one line of numbers, and the number line beside it. */
export function Sum({ store }: { store: Store }) {
  const geometry = store.geometry.value;
  const picture = store.picture.value;
  const { estimate, row } = picture;
  if (!geometry || !estimate || !Number.isFinite(picture.prediction)) return null;
  const base = estimate.base_values?.[row] ?? Number.NaN;
  const without = store.removal.value?.scores;
  // a stand-in whose fit is not known yet is one all the same
  const name = baseWord(geometry, estimate.r2 !== null || estimate.method === "lime");
  return (
    <div class={`jx-sum${store.whatif.foreseen.value || without ? " stale" : ""}`}>
      <div class="jx-eq">
        <Equation store={store} base={base} name={name} />
      </div>
      <NumberLine
        base={base}
        baseName={name}
        value={without?.[picture.target] ?? picture.prediction}
        threshold={thresholdOf(geometry, picture.target)}
        unit={geometry.output_unit}
      />
    </div>
  );
}

function Equation({ store, base, name }: { store: Store; base: number; name: string }) {
  const geometry = store.geometry.value;
  const { estimate, values, row, prediction: model, target, end } = store.picture.value;
  if (!geometry || !estimate) return null;
  const unit = geometry.output_unit;
  const number = (value: number) => prediction(value, unit);
  if (!values || !Number.isFinite(base)) {
    const why = values || estimate.pixels.has(target) ? "" : `; ${name} not known yet`;
    return (
      <span>
        <b>{number(model)}</b> <span class="q">prediction{why}</span>
      </span>
    );
  }
  const sum = values.reduce((total, value) => total + value, 0);
  const decimals = sumDecimals(unit, Math.max(Math.abs(base), Math.abs(sum), Math.abs(model)), end);
  const says = estimate.local_predictions?.[row] ?? base + sum;
  const r2 = estimate.r2?.[row];
  const things = counted(values.length, featureWord(geometry));
  return (
    <>
      <span>
        <b>{fixed(base, decimals)}</b> <span class="q">{name}</span>
      </span>
      <Terms values={values} split={geometry.layout.type === "pixels"} decimals={decimals} things={things} />
      <span>
        <b>= {fixed(says, decimals)}</b>
        {r2 !== undefined && <span class="q"> model {number(estimate.predictions[target] ?? model)}</span>}
      </span>
      <span class="q" title={r2 === undefined ? "" : "weighted R² of the linear stand-in"}>
        {r2 === undefined
          ? gapWords(
              estimate.gap?.[row] ?? Number.NaN,
              estimate.unexplained,
              decimals,
              (estimate.predictions[target] ?? model) - base,
            )
          : fitWords(r2, says, unit)}
      </span>
    </>
  );
}

interface TermsProps {
  values: Float32Array;
  split: boolean;
  decimals: number;
  things: string;
}

/** What the features add; for pictures what they raise and what they lower. */
function Terms({ values, split, decimals, things }: TermsProps) {
  const raised = values.reduce((total, value) => total + Math.max(0, value), 0);
  const lowered = values.reduce((total, value) => total + Math.min(0, value), 0);
  const terms = split ? [raised, lowered] : [raised + lowered];
  return (
    <>
      {terms.map((term, i) => (
        <span>
          <b class={signClass(term, decimals)}>
            {term < 0 || (split && i === 1) ? MINUS : "+"} {fixed(Math.abs(term), decimals)}
          </b>
          {i === terms.length - 1 && <span class="q"> {things}</span>}
        </span>
      ))}
    </>
  );
}
