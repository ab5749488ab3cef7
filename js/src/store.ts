/** What all views of one model share; it talks to Python through a `Port` only, so it is tested without a widget. */
import { batch, computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { answersOf } from "./answers";
import { type Followed, followCurves } from "./behind";
import { type Known, ofBoard } from "./board";
import { type Binary, same } from "./decode";
import { carriedOver, type Estimate, readFrame, rowOf, slice } from "./estimate";
import { namesOf, rowsOf } from "./features";
import { guessOf } from "./guess";
import { createAnswers, type Link } from "./link";
import { createLooking, type Looking } from "./looking";
import { chosenTarget } from "./outputs";
import { Pacer } from "./pacer";
import { lostToCut } from "./params";
import { nextOrder, type Sort } from "./ranking";
import { type Removal, removalOf } from "./removal";
import { createRuler, wantedEnd } from "./scales";
import type {
  Board,
  Curves,
  Display,
  Frame,
  Geometry,
  Request,
  Status,
  Summary,
  ToBrowser,
  ToPython,
} from "./schema.gen";
import { createWhatIf, type WhatIf } from "./whatif";

export type { Link };

export type TraitName = "geometry" | "frame" | "curves" | "status" | "display" | "request" | "board" | "summary";

/** The way to Python. Every call may be lost without harm. */
export interface Port {
  write(name: "display" | "request", value: Display | Request): void;
  send(type: ToPython["type"]): void;
  /** Sends a message that is answered; returns its id, 0 if it cannot be sent. */
  post(message: Omit<ToPython, "id">): number;
}

/** The estimate as seen through the chosen output. */
export interface Picture {
  estimate: Estimate | null;
  target: number;
  /** Position of the output among the explained ones; -1 while it is not explained. */
  row: number;
  values: Float32Array | null;
  errors: Float32Array | null;
  prediction: number;
  /** Features in the order in which they are listed. */
  order: number[];
  /** End of the bars' symmetric scale. */
  end: number;
  /** More frames of this estimate are on their way. */
  streaming: boolean;
}

export interface Store extends Looking, Followed {
  /** Methods side by side; null where one explanation is shown. */
  readonly board: ReadonlySignal<Board | null>;
  /** Methods over many rows; null where one instance is shown. */
  readonly summary: ReadonlySignal<Summary | null>;
  readonly geometry: ReadonlySignal<Geometry | null>;
  readonly status: ReadonlySignal<Status | null>;
  /** What removing the top features does; null without a curve, or while a hand is ahead of it. */
  readonly removal: ReadonlySignal<Removal | null>;
  readonly display: ReadonlySignal<Display>;
  readonly request: ReadonlySignal<Request>;
  readonly link: ReadonlySignal<Link>;
  readonly picture: ReadonlySignal<Picture>;
  /** A message of ours that is not answered yet. */
  readonly asked: ReadonlySignal<ToPython["type"] | null>;
  /** Whether the method or a hyper-parameter is not what the view opened with. */
  readonly tuned: ReadonlySignal<boolean>;
  /** What another cut took away of the changes by hand; "" if nothing. */
  readonly dropped: ReadonlySignal<string>;
  /** Whether anybody can answer. */
  readonly reachable: ReadonlySignal<boolean>;
  /** Changes by hand. */
  readonly whatif: WhatIf;
  /** Every output of the model after what is on the screen. */
  readonly predictions: ReadonlySignal<Float32Array | null>;
  /** Every output of the model before any edit; null without edits, or while nothing is known of what they do. */
  readonly originally: ReadonlySignal<Float32Array | null>;
  /** Changes how the result is looked at; starts no run. */
  show(patch: Display): void;
  /** Changes what is explained; starts a run. */
  ask(patch: Request): void;
  /** Shows another output, explaining it first if need be. */
  choose(target: number): void;
  send(type: Exclude<ToPython["type"], "ping">): void;
  /** State of a control that all places share and nobody saves. */
  shared<T>(name: string, initial: T): Signal<T>;
  /** Rows keep their place until the returned function is called. */
  hold(): () => void;
}

/** What the entry and the model's glue see of the store. */
export interface OwnedStore extends Store {
  receive(name: TraitName, value: unknown): void;
  answer(message: ToBrowser, buffers: Binary[]): void;
  /** Something was asked. */
  expect(): void;
  /** Something arrived. */
  heard(): void;
  /** A sign of life, which answers nothing. */
  alive(): void;
  setLink(link: Link): void;
  /** Counts views in sight; frames are painted only while there is one. */
  inSight(): () => void;
  /** No view is open: no timer runs. */
  rest(): void;
}

const MOST_TARGETS = 5;

const filled = <T extends object>(value: unknown): T | null =>
  value && typeof value === "object" && Object.keys(value).length > 0 ? (value as T) : null;

export function createStore(port: Port, initialLink: Link = "live"): OwnedStore {
  const geometry: Signal<Geometry | null> = signal(null);
  const estimate: Signal<Estimate | null> = signal(null);
  const status: Signal<Status | null> = signal(null);
  const curves: Signal<Curves | null> = signal(null);
  const board: Signal<Board | null> = signal(null);
  const summary: Signal<Summary | null> = signal(null);
  const display: Signal<Display> = signal({});
  const request: Signal<Request> = signal({});
  const answers = createAnswers(
    initialLink,
    () => status.peek()?.state === "running",
    () => port.send("ping"),
  );
  const { link, asked, reachable } = answers;
  const holders = signal(0);
  const controls = new Map<string, Signal<unknown>>();
  const dropped = signal("");

  let newest: Frame | null = null;
  /** Frames of earlier runs describe another input. */
  let layoutRun = Number.NEGATIVE_INFINITY;
  let views = 0;

  /** Out of sight nothing is painted but the last frame: what the view says of its end has to go with its numbers. */
  const wanted = (frame: Frame) => views > 0 || frame.state !== "running";

  const paint = () => {
    if (newest === null || !wanted(newest)) return;
    const { run, seq, edits = [] } = newest;
    const shown = estimate.peek();
    if (shown?.run !== run || shown.seq !== seq) {
      batch(() => {
        const next = readFrame(newest as Frame, () => rowsOf(geometry.peek()).length);
        estimate.value = carriedOver(next, shown);
        whatif.painted(run, edits);
        if (shown?.run !== run) looking.tryCut(null);
      });
    }
  };
  const pacer = new Pacer(paint);

  const looking = createLooking((wish) => (reachable.peek() ? port.post({ type: "picture", ...wish }) : 0));
  const whatif = createWhatIf({
    reachable: () => reachable.peek(),
    run: () => known.peek()?.run ?? 0,
    begun: () => Math.max(known.peek()?.run ?? 0, status.peek()?.run ?? 0),
    preview: (edits) => port.post({ type: "preview", edits: [...edits] }),
    ask: (edits) => store.ask({ edits: [...edits] }),
    guess: (edit) => guessOf(edit, known.peek(), geometry.peek(), paths.peek(), behind.peek()),
    now: () => performance.now(),
  });

  function takeFrame(frame: Frame | null): void {
    if (!frame || frame.run < layoutRun) return;
    if (newest && (frame.run < newest.run || (frame.run === newest.run && frame.seq <= newest.seq))) return;
    newest = frame;
    if (wanted(frame)) pacer.request();
  }

  function takeGeometry(next: Geometry | null): void {
    const before = geometry.peek();
    if (next && before && same(before.layout, next.layout)) {
      geometry.value = { ...next, layout: before.layout };
      return;
    }
    if (next && before) {
      layoutRun = next.run;
      if (newest && newest.run < layoutRun) newest = estimate.value = null;
    }
    geometry.value = next;
  }

  function takeStatus(next: Status | null): void {
    status.value = next;
    answers.attend();
    if (next?.state === "failed") looking.tryCut(null);
    if (asked.peek() === "stop" && next?.state !== "running") asked.value = null;
  }

  function takeRequest(next: Request): void {
    const before = request.peek();
    const lost = lostToCut(before, next);
    if (lost !== "" || !same(before.edits ?? [], next.edits ?? [])) dropped.value = lost;
    request.value = next;
    whatif.received(next.edits ?? []);
  }

  let memory: { order: number[]; sort: Sort; target: number; layout: unknown } | null = null;
  const ruler = createRuler();

  /** What the view opened with. */
  let first: Request | null = null;
  const tuned = computed(() => {
    const { method, params } = request.value;
    return first !== null && !same([method, params ?? {}], [first.method, first.params ?? {}]);
  });

  /** What the model said, for one explanation or for several beside each other. */
  const known = computed<Known | null>(() => estimate.value ?? (board.value && ofBoard(board.value)));

  const { paths, behind } = followCurves(curves, known, geometry, whatif.changes);

  const { predictions, originally } = answersOf(known, whatif);

  const picture = computed<Picture>(() => {
    const now = estimate.value;
    const target = chosenTarget(now, display.value, request.value);
    if (!now) return { ...blank, target };
    const row = rowOf(now, target);
    const scores = predictions.value;
    const values = slice(now.values, row, now.n_features);
    const errors = slice(now.std_errors, row, now.n_features);
    const ended = status.value?.state === "stopped" || status.value?.state === "failed";
    const streaming = now.state === "running" && !ended && reachable.value;
    const layout = geometry.value?.layout;
    const sort = display.value.sort ?? "weight";
    // weights that are carried over may be those of an edited instance
    const drawn = { ...now, edited: now.edited || now.carried, streaming, settings: request.value.params };
    let end = 1;
    if (values) {
      const kept = memory && memory.target === target && memory.sort === sort && memory.layout === layout;
      const frozen = streaming || holders.value > 0;
      const order = nextOrder(kept && memory ? memory.order : null, {
        values,
        names: namesOf(geometry.value),
        sort,
        frozen,
      });
      memory = { order, sort, target, layout };
      end = ruler(target, wantedEnd(values, errors), drawn);
    } else {
      const map = now.pixels.get(target);
      if (map) end = ruler(target, wantedEnd(map.values, null), drawn);
    }
    const order = memory && memory.layout === layout ? memory.order : [];
    return {
      estimate: now,
      target,
      row,
      values,
      errors,
      prediction: scores?.[target] ?? Number.NaN,
      order,
      end,
      streaming,
    };
  });

  const removal = computed(() => {
    const { values, row } = picture.value;
    const ahead = whatif.moving.value || whatif.foreseen.value !== null;
    return ahead ? null : removalOf(estimate.value, values, row, paths.value, display.value.removed ?? 0);
  });

  const store: OwnedStore = {
    board,
    summary,
    geometry,
    status,
    paths,
    behind,
    removal,
    display,
    request,
    picture,
    dropped,
    tuned,
    whatif,
    predictions,
    originally,
    ...answers,
    ...looking,
    show(patch) {
      display.value = { ...display.peek(), ...patch };
      port.write("display", display.peek());
    },
    ask(patch) {
      if (!reachable.peek()) return;
      answers.expect();
      if (display.peek().removed) store.show({ removed: 0 }); // another question has another order
      takeRequest({ ...request.peek(), ...patch });
      port.write("request", request.peek());
    },
    choose(target) {
      const explained = estimate.peek()?.targets ?? [];
      batch(() => {
        if (!explained.includes(target)) {
          if (!reachable.peek()) return;
          // functions of the outputs count on after them and cannot be asked for by number; the output chosen last
          // gives way, never the first, which is what the view opened with
          const count = geometry.peek()?.n_outputs ?? 0;
          const kept = explained.filter((index) => index >= 0 && index < count).slice(0, MOST_TARGETS - 1);
          store.ask({ targets: [...kept, target] });
        }
        store.show({ target });
      });
    },
    send(type) {
      if (!reachable.peek()) return;
      answers.expect(type);
      port.send(type);
    },
    shared<T>(name: string, initial: T) {
      const kept = (controls.get(name) ?? signal(initial)) as Signal<T>;
      controls.set(name, kept as Signal<unknown>);
      return kept;
    },
    hold() {
      holders.value++;
      let held = true;
      return () => {
        if (held) holders.value--;
        held = false;
      };
    },
    receive(name, value) {
      batch(() => {
        if (name === "geometry") takeGeometry(filled<Geometry>(value));
        else if (name === "frame") takeFrame(filled<Frame>(value));
        else if (name === "status") takeStatus(filled<Status>(value));
        else if (name === "curves") curves.value = filled<Curves>(value);
        else if (name === "display") display.value = (value ?? {}) as Display;
        else if (name === "summary") summary.value = filled<Summary>(value);
        else if (name === "board") {
          board.value = filled<Board>(value);
          whatif.painted(board.value?.run ?? 0);
        } else {
          takeRequest((value ?? {}) as Request);
          first ??= filled<Request>(value);
        }
      });
    },
    answer(message, buffers) {
      store.heard();
      if (message.type === "preview") whatif.answered(message.id, message.predictions, message.error);
      if (message.type === "picture") looking.answered(message, buffers);
    },
    setLink(next) {
      link.value = next;
    },
    inSight() {
      views++;
      // the first picture is not worth waiting for
      paint();
      let counted = true;
      return () => {
        if (counted) views--;
        counted = false;
      };
    },
    rest() {
      answers.rest();
      pacer.cancel();
      whatif.rest();
    },
  };
  return store;
}

const blank: Omit<Picture, "target"> = {
  estimate: null,
  row: -1,
  values: null,
  errors: null,
  prediction: Number.NaN,
  order: [],
  end: 1,
  streaming: false,
};
