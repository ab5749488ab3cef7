/** The only file that touches anywidget's model: traits to the store, the user's changes and messages back. */

import { type Signal, signal } from "@preact/signals";
import { type Binary, same } from "./decode";
import type { Opened, Overview, ToBrowser, ToPython } from "./schema.gen";
import { createStore, type Link, type OwnedStore, type TraitName } from "./store";

/** What is used of anywidget's model; the stand-in of exported pages has the same. */
export interface Model {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  save_changes(): void;
  /** Of some hosts a promise, which fails if the message does not get through. */
  send(content: unknown): unknown;
  on(name: string, callback: (...args: never[]) => void): void;
  off(name: string, callback: (...args: never[]) => void): void;
  /** Set by the stand-in: nobody will ever answer. */
  readonly saved?: boolean;
  /** Of hosts with a Jupyter kernel: it says when its connection is lost, which keeps messages until it is back. */
  readonly widget_manager?: {
    readonly kernel?: { readonly connectionStatusChanged?: Said } | null;
    get_model?(name: string): Promise<Model>;
    create_view?(model: Model): Promise<{ el: HTMLElement; remove(): void }>;
  };
}

/** What is used of a signal of JupyterLab. */
interface Said {
  connect(slot: (from: unknown, status: string) => void): unknown;
  disconnect(slot: (from: unknown, status: string) => void): unknown;
}

const TRAITS: readonly TraitName[] = [
  "geometry",
  "status",
  "curves",
  "display",
  "request",
  "frame",
  "board",
  "summary",
];
/** After a lost connection a host reads the state of all widgets anew, as it was before what waited to be sent. */
const RESTORED_WITHIN_MS = 5000;
const PONG_WITHIN_MS = 2000;
const KNOCK_EVERY_MS = 700;
const KNOCKS = 30;
/** Where no host says that the way is open again, it is tried: after this long, then each time twice as long. */
const TRY_AFTER_MS = 2000;
const TRY_UP_TO_MS = 300_000;
/** So many values that were written over are remembered. */
const MOST_PAST = 100;

export interface Session {
  readonly store: OwnedStore;
  /** Many rows; null where one explanation is shown. */
  readonly overview: Signal<Overview | null>;
  /** The row whose own explanation stands beneath many rows. */
  readonly opened: Signal<Opened | null>;
  readonly uid: string;
  /** Sends a message that is answered. */
  ask(message: Omit<ToPython, "id">): number;
  /** No view is open. */
  readonly idle: boolean;
  /** A view opens: reads the model if nobody did yet, and says hello. Returns what closes it. */
  open(): () => void;
  dispose(): void;
}

/** One per model, made in `initialize`: it must be cheap, so nothing is read before a view opens. */
export function openSession(model: Model): Session {
  let views = 0;
  let nextId = 1;
  let pongTimer: ReturnType<typeof setTimeout> | undefined;
  let knockTimer: ReturnType<typeof setTimeout> | undefined;
  let tryTimer: ReturnType<typeof setTimeout> | undefined;

  /** The message's id; 0 if it could not be sent. */
  function post(message: Omit<ToPython, "id">): number {
    const id = nextId++;
    try {
      const again: Pick<ToPython, "display" | "request"> = {};
      if (doubted) for (const { name } of past) again[name] = store[name].peek() as never;
      const sent = model.send({ ...message, ...again, id } satisfies ToPython) as Promise<unknown> | undefined;
      sent?.then?.(undefined, notSent);
      return id;
    } catch {
      // "Cannot send": the comm is closed, so the kernel has gone
      if (!model.saved) store.setLink("gone");
      return 0;
    }
  }

  const send = (type: ToPython["type"]) => post({ type }) > 0;

  /** What is said if no message comes. */
  function unless(link: Link, within: number): void {
    clearTimeout(pongTimer);
    pongTimer = setTimeout(() => store.setLink(link), within);
  }

  /** A hello sent before the page had a shell of its own waits for the running cell; a later message need not. */
  function knock(left = KNOCKS): void {
    clearTimeout(knockTimer);
    knockTimer = setTimeout(() => {
      const state = store.status.peek()?.state ?? "idle";
      if (views > 0 && left > 0 && state === "idle" && send("ping")) knock(left - 1);
    }, KNOCK_EVERY_MS);
  }

  /** What was written over by values that may not have arrived: a wire may be dead long before anybody is told. */
  let past: { name: "display" | "request"; value: unknown; before: number }[] = [];
  let restoredBy = Number.NEGATIVE_INFINITY;
  const unsettled = () => store.link.peek() === "lost" || performance.now() < restoredBy;
  /** The connection was lost once: a host may wait for ever for an answer before it sends the next value. */
  let doubted = false;

  /** Answers come in the order of messages: what was sent before an answered one has arrived. */
  function arrived(id: number): void {
    // a host may still bring back what it read before
    if (!unsettled()) past = past.filter(({ before }) => before > id);
  }

  function lose(): void {
    if (store.reachable.peek()) store.setLink("lost");
  }

  /** The way is open again: what may be lost is said again, and the answer says that it has come. */
  function back(): void {
    if (store.link.peek() !== "lost") return;
    restoredBy = performance.now() + RESTORED_WITHIN_MS;
    doubted = true;
    send("ping");
  }

  function heard(): void {
    back();
    store.heard();
  }

  function notSent(): void {
    if (views === 0 || store.link.peek() === "lost") return;
    lose();
    tryAgain(TRY_AFTER_MS);
  }

  function tryAgain(wait: number): void {
    clearTimeout(tryTimer);
    if (wait > TRY_UP_TO_MS) return;
    tryTimer = setTimeout(() => {
      back();
      if (store.link.peek() === "lost") tryAgain(2 * wait);
    }, wait);
  }

  function put(name: string, value: unknown): void {
    try {
      model.set(name, value);
      model.save_changes();
    } catch {
      if (!model.saved) store.setLink("gone");
    }
  }

  const store = createStore(
    {
      write(name, value) {
        past = [...past.slice(-MOST_PAST), { name, value: model.get(name), before: nextId }];
        put(name, value);
        // saving without a kernel fails silently, sending does not
        if (name === "request" || doubted) send("ping");
      },
      send,
      post,
    },
    model.saved ? "saved" : "live",
  );

  const listeners: [string, (...args: never[]) => void][] = TRAITS.map((name) => [
    `change:${name}`,
    () => {
      if (views === 0) return;
      // our own writes come by here too: only what Python writes is an answer
      const told = model.get(name);
      if (name !== "display" && name !== "request") heard();
      else if (unsettled() && past.some((old) => old.name === name && same(old.value, told))) {
        queueMicrotask(() => put(name, store[name].peek()));
        return;
      }
      store.receive(name, told);
    },
  ]);
  listeners.push([
    "msg:custom",
    (content: ToBrowser, buffers: Binary[] = []) => {
      if (typeof content?.type !== "string") return;
      back();
      if (content.type === "pong") store.alive();
      else store.answer(content, buffers);
      arrived(content.id);
      clearTimeout(pongTimer);
    },
  ]);
  listeners.push([
    "comm_live_update",
    () => {
      // anywidget hides the flag itself, so ask: a dead comm throws, a dying one does not answer
      if (send("ping")) unless("gone", PONG_WITHIN_MS);
    },
  ]);
  let connection: Said | null | undefined;
  const onConnection = (_: unknown, status: string) => {
    if (status !== "connected") {
      lose();
      // a kernel that was shut down takes no message: nothing will come back
      if (status === "disconnected") send("ping");
    } else if (store.link.peek() === "lost") {
      // what was sent meanwhile goes first; the answer to this says that the way is open again. Without one the kernel
      // may be another by now
      back();
      unless("quiet", RESTORED_WITHIN_MS);
    }
  };
  const overview = signal<Overview | null>(null);
  const opened = signal<Opened | null>(null);
  const readOverview = () => {
    const given = model.get("overview") as Overview | undefined;
    const row = model.get("opened") as Opened | undefined;
    overview.value = given?.names ? given : null;
    opened.value = row && "row" in row ? row : null;
  };
  for (const name of ["overview", "opened"])
    listeners.push([
      `change:${name}`,
      () => {
        heard();
        readOverview();
      },
    ]);

  /** While no view is open nothing listens and nothing is timed; the next one reads the model anew. */
  function rest(): void {
    clearTimeout(pongTimer);
    clearTimeout(knockTimer);
    clearTimeout(tryTimer);
    for (const [name, callback] of listeners) model.off(name, callback);
    connection?.disconnect(onConnection);
    store.rest();
  }

  return {
    store,
    overview,
    opened,
    ask(message) {
      // nothing may change where a row is only taken away
      if ((message.row ?? 0) >= 0) store.expect();
      return post(message);
    },
    get uid() {
      return String(model.get("uid") ?? "");
    },
    get idle() {
      return views === 0;
    },
    open() {
      if (views++ === 0) {
        for (const [name, callback] of listeners) model.on(name, callback);
        connection = model.widget_manager?.kernel?.connectionStatusChanged;
        connection?.connect(onConnection);
        for (const name of TRAITS) store.receive(name, model.get(name));
        readOverview();
      }
      if (send("hello") && !model.saved) knock();
      let isOpen = true;
      return () => {
        if (!isOpen) return;
        isOpen = false;
        send("bye");
        if (--views === 0) rest();
      };
    },
    dispose: rest,
  };
}
