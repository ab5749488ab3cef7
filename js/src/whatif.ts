/**
 * Changes by hand: what stands on the screen at once, the prediction that follows the hand, and what is asked for on
 * release. The log of edits is the request's; while a hand is moving the screen is ahead of it.
 */
import { batch, computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { same } from "./decode";
import { type Changes, drawnAtOnce, readEdits, withEdit } from "./edits";
import type { Edit } from "./schema.gen";

/** One gesture is one undo step: moves of the same thing less than this apart, in ms. */
const GESTURE_MS = 800;
/** A message may be lost: after this the hand is not kept waiting. */
const LOST_AFTER_MS = 3000;
const MOST_UNANSWERED = 2;

export interface Foreseen {
  /** Every output of the model; NaN where the source does not know it. */
  predictions: Float32Array;
  /** The model itself, or a curve that was computed before. */
  source: "model" | "curve";
}

export interface WhatIf {
  /** The log as it stands on the screen. */
  readonly edits: ReadonlySignal<readonly Edit[]>;
  readonly changes: ReadonlySignal<Changes>;
  /** Predictions that are newer than the estimate's; null if the estimate's are the newest. */
  readonly foreseen: ReadonlySignal<Foreseen | null>;
  /** Why the last change has no prediction; "" if it has. */
  readonly refused: ReadonlySignal<string>;
  /** A hand is moving something. */
  readonly moving: ReadonlySignal<boolean>;
  readonly canUndo: ReadonlySignal<boolean>;
  readonly canRedo: ReadonlySignal<boolean>;
  /** Follows the hand: the screen now, the prediction as soon as it comes. Nothing is explained. */
  move(edit: Edit): void;
  /** The hand lets go: asks for the explanation of what is on the screen. */
  commit(): void;
  /** A change without a drag. */
  change(...edits: Edit[]): void;
  /** Lets go without a change. */
  cancel(): void;
  undo(): void;
  redo(): void;
  reset(): void;
}

export interface Hands {
  /** Whether anybody can answer. */
  reachable(): boolean;
  /** The newest run that has been painted. */
  run(): number;
  /** The newest run that has begun. */
  begun(): number;
  /** Asks for the predictions after these edits; false if it cannot be sent. */
  preview(edits: readonly Edit[]): number;
  ask(edits: readonly Edit[]): void;
  /** What is known of an edit before anybody answers. */
  guess(edit: Edit, edits: readonly Edit[]): Float32Array | null;
  now(): number;
}

export interface OwnedWhatIf extends WhatIf {
  /** The request changed, here or in Python. */
  received(edits: readonly Edit[]): void;
  /** A new estimate is on the screen, of these edits. */
  painted(run: number, log?: readonly Edit[]): void;
  answered(id: number, predictions: readonly number[] | undefined, error: string | undefined): void;
  /** No view is open: nothing is waited for. */
  rest(): void;
}

export function createWhatIf(hands: Hands): OwnedWhatIf {
  const edits: Signal<readonly Edit[]> = signal([]);
  const foreseen: Signal<Foreseen | null> = signal(null);
  const refused = signal("");
  const moving = signal(false);
  const undone: Signal<readonly Edit[]> = signal([]);
  let asked: readonly Edit[] = [];
  let movedAt = Number.NEGATIVE_INFINITY;
  let movedRun = 0;
  /** What the hand holds while it is moving. */
  let held: Edit | null = null;
  let unanswered: number[] = [];
  let waiting: readonly Edit[] | null = null;
  let lost: ReturnType<typeof setTimeout> | undefined;

  function post(log: readonly Edit[]): void {
    if (!hands.reachable()) return;
    if (unanswered.length >= MOST_UNANSWERED) {
      waiting = log;
      return;
    }
    const id = hands.preview(log);
    if (!id) return;
    unanswered.push(id);
    clearTimeout(lost);
    lost = setTimeout(() => {
      unanswered = [];
      sendWaiting();
    }, LOST_AFTER_MS);
  }

  function sendWaiting(): void {
    const next = waiting;
    waiting = null;
    if (next) post(next);
  }

  const soon = (edit: Edit, now: number) => !drawnAtOnce(edit) && now - movedAt < GESTURE_MS;

  function move(edit: Edit): void {
    const now = hands.now();
    const log = withEdit(edits.peek(), edit, moving.peek() || soon(edit, now));
    movedAt = now;
    held = edit;
    const guess = hands.guess(edit, log);
    batch(() => {
      moving.value = true;
      movedRun = hands.begun();
      undone.value = [];
      edits.value = log;
      if (guess) foreseen.value = { predictions: guess, source: "curve" };
    });
    post(log);
  }

  function settle(log: readonly Edit[]): void {
    batch(() => {
      moving.value = false;
      refused.value = "";
      edits.value = log;
      movedRun = hands.begun();
      asked = log;
      hands.ask(log);
    });
  }

  function restore(): void {
    // what was asked for on the way is nobody's any more; Python, which was told of it, hears what stands
    const told = moving.peek() && hands.reachable();
    unanswered = [];
    waiting = null;
    if (told) hands.preview(asked);
    batch(() => {
      moving.value = false;
      refused.value = "";
      foreseen.value = null;
      edits.value = asked;
    });
  }

  return {
    edits,
    changes: computed(() => readEdits(edits.value)),
    foreseen,
    refused,
    moving,
    canUndo: computed(() => edits.value.length > 0),
    canRedo: computed(() => undone.value.length > 0),
    move,
    commit() {
      if (!moving.peek()) return;
      if (hands.reachable() && !same(edits.peek(), asked)) settle(edits.peek());
      else restore();
    },
    change(...list) {
      if (!hands.reachable() || list.length === 0) return;
      const now = hands.now();
      let log = edits.peek();
      for (const edit of list) log = withEdit(log, edit, list.length === 1 && soon(edit, now));
      movedAt = now;
      undone.value = [];
      settle(log);
      post(log);
    },
    cancel: restore,
    undo() {
      const log = edits.peek();
      const last = log.at(-1);
      if (!last || !hands.reachable()) return;
      undone.value = [...undone.peek(), last];
      movedAt = Number.NEGATIVE_INFINITY;
      settle(log.slice(0, -1));
      post(edits.peek());
    },
    redo() {
      const last = undone.peek().at(-1);
      if (!last || !hands.reachable()) return;
      undone.value = undone.peek().slice(0, -1);
      movedAt = Number.NEGATIVE_INFINITY;
      settle([...edits.peek(), last]);
      post(edits.peek());
    },
    reset() {
      if (edits.peek().length === 0 || !hands.reachable()) return;
      undone.value = [];
      movedAt = Number.NEGATIVE_INFINITY;
      settle([]);
      post([]);
    },
    received(log) {
      const known = same(log, asked);
      asked = log;
      if (known && moving.peek()) return;
      const mine = moving.peek() ? held : null;
      // what is changed elsewhere meanwhile stays, with what the hand holds on top
      const next = mine ? withEdit(log, mine, false) : log;
      if (same(next, edits.peek())) return;
      batch(() => {
        edits.value = next;
        undone.value = [];
        refused.value = "";
        if (!mine) foreseen.value = null;
        movedRun = hands.begun();
      });
      if (mine) post(next);
    },
    painted(run, log = edits.peek()) {
      // the explanation has caught up with the hand
      if (moving.peek() || run <= movedRun || !same(log, edits.peek())) return;
      batch(() => {
        foreseen.value = null;
        refused.value = "";
      });
    },
    answered(id, predictions, error) {
      const known = unanswered.length;
      unanswered = unanswered.filter((other) => other > id);
      if (unanswered.length === known) return;
      if (unanswered.length === 0) clearTimeout(lost);
      // an estimate that came in the meantime knows better
      if (moving.peek() || hands.run() <= movedRun) {
        batch(() => {
          refused.value = error ?? "";
          if (predictions && waiting === null)
            foreseen.value = { predictions: Float32Array.from(predictions), source: "model" };
        });
      }
      sendWaiting();
    },
    rest() {
      clearTimeout(lost);
      unanswered = [];
      waiting = null;
      moving.value = false;
    },
  };
}
