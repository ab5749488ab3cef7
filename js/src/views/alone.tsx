import { prediction } from "../format";
import type { Store } from "../store";

/** What the model says with one word or piece away, the others staying: asked once, after the explanation. */
export function Alone({ store, feature, verb }: { store: Store; feature: number; verb: string }) {
  const { estimate, row } = store.picture.value;
  const paths = store.paths.value;
  const line = paths.presence.get(feature)?.y[row];
  const unit = store.geometry.value?.output_unit ?? "raw";
  if (!line || paths.run !== estimate?.run) return null;
  return (
    <span class="q">
      ; {verb} alone {prediction(line[1] ?? Number.NaN, unit)} {"\u2192"}{" "}
      <b class="ink">{prediction(line[0] ?? Number.NaN, unit)}</b>
    </span>
  );
}
