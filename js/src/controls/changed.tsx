import { RichText } from "../components/rich";
import { amountText } from "../darkroom";
import type { Changes } from "../edits";
import { decider, present } from "../flips";
import { counted, prediction } from "../format";
import type { Geometry } from "../schema.gen";
import type { Store } from "../store";
import { bold, featureWord, type Rich } from "../words";

/** What the reader's changes come to: `Without 3 words: 0.793 → 0.776.` */
export function Changed({ store }: { store: Store }) {
  const geometry = store.geometry.value;
  const { prediction: now, target, row, estimate } = store.picture.value;
  const originally = store.originally.value;
  const was = originally?.[target];
  const what = geometry ? changeWords(geometry, store.whatif.changes.value) : "";
  if (!geometry || what === "" || !Number.isFinite(now)) return null;
  if (was === undefined) return <>{what}. </>;
  const unit = geometry.output_unit;
  const decide = decider(geometry, target, row);
  const side = (scores: Float32Array | null) => decide(present(scores, estimate?.targets ?? []));
  const turned = side(originally) !== side(store.predictions.value);
  const rich: Rich = [
    `${what}: `,
    bold(`${prediction(was, unit)} \u2192 ${prediction(now, unit)}`),
    turned ? ", the prediction flips. " : ". ",
  ];
  return <RichText rich={rich} />;
}

/** `With blur 4 px, 2 pieces hidden`; "" where the rows say it themselves. */
export function changeWords(geometry: Geometry, changes: Changes): string {
  const { layout } = geometry;
  const { hidden, boxes, strokes, adjusted } = changes;
  if (layout.type === "tokens") {
    const word = featureWord(geometry);
    const count = layout.offsets.length;
    const of = (units: Iterable<number>) => [...units].filter((unit) => unit < count).length;
    const [struck, replaced] = [of(changes.struck), of(changes.replaced.keys())];
    const inserted = changes.inserted.filter((_, at) => !changes.struck.has(count + at)).length;
    const written = [
      ...(replaced > 0 ? [`${counted(replaced, word)} replaced`] : []),
      ...(inserted > 0 ? [`${counted(inserted, word)} inserted`] : []),
    ];
    const parts = [
      ...(struck > 0 ? [`without ${counted(struck, word)}`] : []),
      ...(written.length > 0 ? [`with ${written.join(" and ")}`] : []),
    ];
    return capital(parts.join(", "));
  }
  if (layout.type !== "pixels") return "";
  const parts = [
    ...[...adjusted].map(([kind, amount]) => `${kind} ${amountText(kind, amount)}`),
    ...(hidden.size > 0 ? [`${counted(hidden.size, "pieces")} hidden`] : []),
    ...(boxes.length > 0 ? [`${boxes.length === 1 ? "1 box" : `${boxes.length} boxes`} covered`] : []),
    ...(strokes.length > 0 ? [`${counted(strokes.length, "strokes")} brushed`] : []),
  ];
  return parts.length > 0 ? `With ${parts.join(", ")}` : "";
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
