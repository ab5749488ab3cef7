/** The anywidget module: `initialize` and `render`, and `mount` for pages without a kernel. */
import { h, render as renderInto } from "preact";
import { App } from "./app";
import { CompareApp } from "./compare";
import { GlobalApp } from "./global";
import { type PlainState, StandIn } from "./standin";
import { SummaryApp } from "./summary";
import { type Model, openSession, type Session } from "./sync";
import { followTheme } from "./theme";

/**
 * Sessions by the view's uid: anywidget hands `initialize` and each `render` proxies of their own, so the model itself
 * cannot be the key. Two managers (two open notebooks) may hold models of the same uid.
 */
const sessions = new WeakMap<object, Map<string, Session>>();
const nobody = {};
const orphans = new WeakSet<Session>();

function known(model: Model): Map<string, Session> {
  const manager = (model as { widget_manager?: unknown }).widget_manager;
  const key = typeof manager === "object" && manager !== null ? manager : model instanceof StandIn ? model : nobody;
  const found = sessions.get(key) ?? new Map<string, Session>();
  sessions.set(key, found);
  return found;
}

function sessionOf(model: Model): Session {
  const open = known(model);
  const uid = String(model.get("uid") ?? "");
  const session = open.get(uid) ?? openSession(model);
  open.set(uid, session);
  return session;
}

function forget(model: Model, session: Session): void {
  session.dispose();
  const open = known(model);
  if (open.get(session.uid) === session) open.delete(session.uid);
}

/** Once per model, also for those that are never shown: nothing is decoded here. */
function initialize({ model }: { model: Model }): () => void {
  const earlier = known(model).get(String(model.get("uid") ?? ""));
  if (earlier) forget(model, earlier);
  const session = sessionOf(model);
  return () => forget(model, session);
}

function render({ model, el }: { model: Model; el: HTMLElement }): () => void {
  // hosts that never call initialize leave it to the last view to clean up
  const orphan = !known(model).has(String(model.get("uid") ?? ""));
  const session = sessionOf(model);
  if (orphan) orphans.add(session);
  const { store, uid } = session;
  const root = document.createElement("section");
  // the page's style sheet hides the static picture while an element of this class is there
  const live = `xai-live-${uid}`;
  root.className = uid ? `jx ${live}` : "jx";
  root.setAttribute("aria-label", "Explanation of one prediction");
  el.append(root);

  // ipywidgets marks the views of models that came from a saved notebook and have no comm; the model's proxy hides it
  if (el.closest(".jupyter-widgets-disconnected")) store.setLink("saved");
  const stopTheme = followTheme(root);
  const close = session.open();
  let leave: (() => void) | null = store.inSight();
  let observer: IntersectionObserver | undefined;
  if (typeof IntersectionObserver !== "undefined") {
    observer = new IntersectionObserver((entries) => {
      const seen = entries.at(-1)?.isIntersecting ?? true;
      if (seen) leave ??= store.inSight();
      else {
        leave?.();
        leave = null;
      }
    });
    observer.observe(root);
  }
  const onBroken = (error: unknown) => {
    console.error("jupyter_xai: the view could not be drawn", error);
    root.classList.remove(live);
  };
  try {
    const compared = store.board.peek() !== null;
    const summed = store.summary.peek() !== null;
    const many = session.overview.peek() !== null;
    if (compared) root.setAttribute("aria-label", "Explanations of one prediction, side by side");
    if (summed) root.setAttribute("aria-label", "Explanations of many predictions, judged");
    if (many) root.setAttribute("aria-label", "What a model looks at over many rows");
    const common = { store, root, onBroken };
    renderInto(
      many
        ? h(GlobalApp, { ...common, session, beneath: (place, name) => beneath(model, place, name) })
        : h(summed ? SummaryApp : compared ? CompareApp : App, common),
      root,
    );
  } catch (error) {
    onBroken(error);
  }

  return () => {
    observer?.disconnect();
    leave?.();
    stopTheme();
    renderInto(null, root);
    root.remove();
    close();
    if (session.idle && orphans.has(session)) forget(model, session);
  };
}

interface Manager {
  get_model(name: string): Promise<Model>;
}

/** Puts another widget's view, or in a page without a kernel its state, into this one; returns what removes it. */
function beneath(model: Model, place: HTMLElement, name: string | undefined): () => void {
  const state = model.get("opened_state") as PlainState | undefined;
  if (state) return mount(place, { ...state, uid: `${model.get("uid")}-row` });
  let leave: (() => void) | null = null;
  let wanted = true;
  const missing = () => {
    if (wanted) place.textContent = "This page cannot show it: run view.row_view in a cell of its own.";
  };
  const manager = (model as { widget_manager?: Manager }).widget_manager;
  if (manager && name)
    manager.get_model(name).then((found) => {
      if (wanted) leave = render({ model: found, el: place });
    }, missing);
  else missing();
  return () => {
    wanted = false;
    leave?.();
    place.replaceChildren();
  };
}

/**
 * Mounts a view on a page without a kernel and returns what removes it. `state` is described in standin.ts; with
 * `{live: true}` the view behaves as if a kernel listened.
 */
export function mount(el: HTMLElement, state: PlainState, options: { live?: boolean } = {}): () => void {
  const model = new StandIn(state, options.live ?? false);
  const dispose = initialize({ model });
  const unmount = render({ model, el });
  return () => {
    unmount();
    dispose();
  };
}

export default { initialize, render };
