import type { ComponentChildren } from "preact";
import { whole } from "../format";
import type { Store } from "../store";
import { doubt, featureWord, fillWords } from "../words";
import { Hands } from "./hands";
import { isFlat, Message, noticesOf } from "./message";
import { Panel } from "./panel";
import { MoreSamples } from "./state";

const HOLLOW: Record<string, string> = { pixels: "outlines only", tokens: "thin outlines" };

/** Doubt in one number, what the input was taken for, and what a saved view can still do. */
export function Foot({ store, children, still }: { store: Store; children?: ComponentChildren; still: string }) {
  const geometry = store.geometry.value;
  const { estimate, values, errors, prediction } = store.picture.value;
  if (!geometry) return null;
  const { layout } = geometry;
  const { rows } = store.paths.value;
  const facts = [
    values && !isFlat(values, prediction)
      ? doubt(values, errors, featureWord(geometry), HOLLOW[layout.type] ?? "hollow bars")
      : "",
    layout.type === "pixels" ? fillWords(layout.fill).replace("pieces", featureWord(geometry)) : "",
    geometry.took,
    ...noticesOf(store, true),
    rows > 0 && store.paths.value.run === estimate?.run ? `Curves took ${whole(rows)} more rows.` : "",
  ].filter((fact) => fact !== "");
  return (
    <>
      <div class="jx-foot">
        <Hands store={store} />
        <MoreSamples store={store} />
        {children}
        <i class="br" />
        <Panel store={store} />
        <span class="s q facts">{facts.join(" ")}</span>
      </div>
      {store.link.value === "saved" && (
        <Message kind="note">
          <p class="m">
            Saved view, no kernel. {still} work; <b>run the cell</b> to change values.
          </p>
        </Message>
      )}
    </>
  );
}
