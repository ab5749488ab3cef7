import { useRef } from "preact/hooks";
import { OWN_KEYS } from "../components/keys";
import { counted, prediction, whole } from "../format";
import { offerOutputs } from "../outputs";
import type { Store } from "../store";
import { featureWord, headUnit, unitAfter } from "../words";
import { MethodSelect } from "./method";
import { OtherOutputs } from "./others";
import { Progress, StateAndStop } from "./state";

/** Outputs as the target switch, then method and state. */
export function Head({ store }: { store: Store }) {
  const geometry = store.geometry.value;
  return (
    <div class="jx-head">
      {geometry ? <TargetSwitch store={store} /> : <div class="jx-outs q m">No prediction yet</div>}
      <div class="jx-meta">
        <MethodSelect store={store} />
        <StateAndStop store={store} />
      </div>
      <Progress store={store} />
    </div>
  );
}

const STEP: Record<string, number> = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

function TargetSwitch({ store }: { store: Store }) {
  const group = useRef<HTMLDivElement>(null);
  const geometry = store.geometry.value;
  const { target, estimate } = store.picture.value;
  if (!geometry) return null;
  const unit = geometry.output_unit;
  const without = store.removal.value;
  const now = store.predictions.value;
  // the curve knows the explained outputs only
  const scores = without?.scores?.map((score, i) => (Number.isNaN(score) ? (now?.[i] ?? score) : score)) ?? now;
  const offer = offerOutputs(geometry, estimate, target, scores);
  const was = without?.scores ? now?.[target] : store.originally.value?.[target];
  const from = without?.scores ? `, ${counted(without.k, featureWord(geometry))} removed` : "";
  const reachable = store.reachable.value;
  const after = unitAfter(unit, estimate?.value_unit ?? "");

  // arrows move and select, past outputs that cannot be explained without a kernel
  const onKeyDown = (event: KeyboardEvent) => {
    const step = STEP[event.key];
    if (!step) return;
    event.preventDefault();
    const choices = offer.near.filter((output) => reachable || output.explained);
    const at = choices.findIndex((output) => output.index === target);
    const next = choices[(at + step + choices.length) % choices.length];
    if (!next || next.index === target) return;
    store.choose(next.index);
    group.current?.querySelector<HTMLElement>(`[data-output="${next.index}"]`)?.focus();
  };

  return (
    <div class="jx-outs">
      <span class="u1">{headUnit(unit)} </span>
      <div class="jx-radios" role="radiogroup" aria-label="Output explained" ref={group} onKeyDown={onKeyDown}>
        {offer.near.map((output) => {
          const selected = output.index === target;
          const usable = output.explained || reachable;
          return (
            <button
              type="button"
              role="radio"
              {...OWN_KEYS}
              key={output.index}
              data-output={output.index}
              aria-checked={selected}
              aria-disabled={!usable}
              tabIndex={selected ? 0 : -1}
              title={usable ? output.name : `${output.name}: run the cell to explain this output`}
              onClick={() => store.choose(output.index)}
            >
              <bdi class="n">{output.name}</bdi>{" "}
              <span class="v">
                <span class={without?.scores && output.explained ? "guess" : ""}>{prediction(output.value, unit)}</span>
                {after && <span class="u">{` ${after}`}</span>}
              </span>
              {selected && was !== undefined && (
                <span class="was">
                  was {prediction(was, unit)}
                  {from}
                </span>
              )}
            </button>
          );
        })}
      </div>
      {offer.more > 0 && (
        <OtherOutputs
          label={`+${whole(offer.more)}`}
          rest={offer.rest}
          onlyExplained={!reachable}
          explained={offer.moreExplained}
          text={(output) => `${output.name}  ${prediction(output.value, unit)}`}
          choose={(index) => store.choose(index)}
        />
      )}
    </div>
  );
}
