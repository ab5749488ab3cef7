/** The bundle of explanations side by side, judged over rows, and of what a model looks at over many rows. */
import { h } from "preact";
import { CompareApp } from "./compare";
import { GlobalApp } from "./global";
import { moduleOf } from "./module";
import { type PlainState, StandIn } from "./standin";
import { SummaryApp } from "./summary";
import type { Model } from "./sync";

const { initialize, render, mount } = moduleOf(({ store, root, onBroken, model, session }) => {
  const common = { store, root, onBroken };
  if (session.overview.peek() !== null)
    return {
      label: "What a model looks at over many rows",
      view: h(GlobalApp, { ...common, session, beneath: (place, name) => beneath(model, place, name) }),
    };
  return store.summary.peek() !== null
    ? { label: "Explanations of many predictions, judged", view: h(SummaryApp, common) }
    : { label: "Explanations of one prediction, side by side", view: h(CompareApp, common) };
});

/** Puts another widget's view, or in a page without a kernel its state, into this one; returns what removes it. */
function beneath(model: Model, place: HTMLElement, name: string | undefined): () => void {
  const state = model.get("opened_state") as PlainState | undefined;
  const another = model instanceof StandIn ? model.row : undefined;
  if (state && another) return another(place, { ...state, uid: `${model.get("uid")}-row` });
  let leave: (() => void) | null = null;
  let wanted = true;
  const missing = () => {
    if (wanted) place.textContent = "This page cannot show it: run view.row_view in a cell of its own.";
  };
  const show = async (child: string) => {
    const manager = model.widget_manager;
    const found = await manager?.get_model?.(child);
    const view = found && (await manager?.create_view?.(found));
    if (!view) return missing();
    if (!wanted) return view.remove();
    place.append(view.el);
    leave = () => view.remove();
  };
  if (name) show(name).catch(missing);
  else missing();
  return () => {
    wanted = false;
    leave?.();
    place.replaceChildren();
  };
}

export { mount };
export default { initialize, render };
