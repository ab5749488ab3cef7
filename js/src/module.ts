/** What every bundle's anywidget module does: `initialize` and `render`, and `mount` for pages without a kernel. */
import { type ComponentChild, render as renderInto } from "preact";
import { type PlainState, StandIn } from "./standin";
import type { Store } from "./store";
import { type Model, openSession, type Session } from "./sync";
import { followTheme } from "./theme";

/** What a bundle draws for a session, and what that is called. */
export interface Drawn {
  label: string;
  view: ComponentChild;
}

export interface Given {
  store: Store;
  root: HTMLElement;
  onBroken: (error: unknown) => void;
  model: Model;
  session: Session;
}

export type Draw = (given: Given) => Drawn;

export interface MountOptions {
  /** The view behaves as if a kernel listened. */
  live?: boolean;
  /** Another bundle's `mount`, for the explanation that stands beneath many rows. */
  row?: Mount | undefined;
}

export type Mount = (el: HTMLElement, state: PlainState, options?: MountOptions) => () => void;

export interface Module {
  initialize: (props: { model: Model }) => () => void;
  render: (props: { model: Model; el: HTMLElement }) => () => void;
  mount: Mount;
}

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

function render(draw: Draw, { model, el }: { model: Model; el: HTMLElement }): () => void {
  // hosts that never call initialize leave it to the last view to clean up
  const orphan = !known(model).has(String(model.get("uid") ?? ""));
  const session = sessionOf(model);
  if (orphan) orphans.add(session);
  const { store, uid } = session;
  const root = document.createElement("section");
  // the page's style sheet hides the static picture while an element of this class is there
  const live = `xai-live-${uid}`;
  root.className = uid ? `jx ${live}` : "jx";
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
    const { label, view } = draw({ store, root, onBroken, model, session });
    root.setAttribute("aria-label", label);
    renderInto(view, root);
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

/** The anywidget module that draws this. */
export function moduleOf(draw: Draw): Module {
  const own: Module = {
    initialize,
    render: (props) => render(draw, props),
    /**
     * Mounts a view on a page without a kernel and returns what removes it. `state` is described in standin.ts.
     */
    mount: (el, state, options = {}) => {
      const model = new StandIn(state, options);
      const dispose = initialize({ model });
      const unmount = own.render({ model, el });
      return () => {
        unmount();
        dispose();
      };
    },
  };
  return own;
}
