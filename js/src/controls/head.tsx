import { Radios } from "../components/radios";
import { counted, prediction, roomForWas, whole } from "../format";
import { offerOutputs } from "../outputs";
import type { Store } from "../store";
import { featureWord, headUnit, unitAfter } from "../words";
import { MethodSelect } from "./method";
import { OtherOutputs } from "./others";
import { Progress, StateAndStop } from "./state";

/** Outputs as the target switch, then method and state. */
export function Head({ store }: { store: Store }) {
  const geometry = store.geometry.value;
  const { target } = store.picture.value;
  const first = store.originally.value?.[target] ?? store.predictions.value?.[target];
  return (
    <div class="jx-head" style={geometry ? roomForWas(first, geometry.output_unit) : ""}>
      {geometry ? <TargetSwitch store={store} /> : <div class="jx-outs q m">No prediction yet</div>}
      <div class="jx-meta">
        <MethodSelect store={store} />
        <StateAndStop store={store} />
      </div>
      <Progress store={store} />
    </div>
  );
}

function TargetSwitch({ store }: { store: Store }) {
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
  const fromCurve = without?.scores || store.whatif.foreseen.value?.source === "curve";
  const after = unitAfter(unit, estimate?.value_unit ?? "");

  return (
    <div class="jx-outs">
      <span class="u1">{headUnit(unit)} </span>
      <Radios
        label="Output explained"
        chosen={target}
        choose={(index) => store.choose(index)}
        choices={offer.near.map(({ index, name, value, explained }) => ({
          at: index,
          name,
          off: explained || reachable ? "" : `${name}: run the cell to explain this output`,
          after: (
            <>
              <span class="v">
                <span class={fromCurve && explained ? "guess" : ""}>{prediction(value, unit)}</span>
                {after && <span class="u">{` ${after}`}</span>}
              </span>
              {index === target && was !== undefined && (
                <span class="was">
                  was {prediction(was, unit)}
                  <span class="vh">{from}</span>
                </span>
              )}
            </>
          ),
        }))}
      />
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
