/** Whether anybody answers: what is asked and not answered yet, how long that is waited for, and what is then said. */
import { batch, computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { ToPython } from "./schema.gen";

/** `quiet`: no answer for a while. `lost`: not connected, what is sent waits. `gone`: the kernel cannot be reached. `saved`: there never was one. */
export type Link = "live" | "quiet" | "lost" | "gone" | "saved";

/** How long nothing may come from Python before that is said. */
const QUIET_AFTER_MS = 8000;

export interface Answers {
  readonly link: Signal<Link>;
  /** A message of ours that is not answered yet. */
  readonly asked: Signal<ToPython["type"] | null>;
  /** Whether anybody can answer. */
  readonly reachable: ReadonlySignal<boolean>;
  /** An answer is due: the kernel may be busy, or another one, or cut off without a word. */
  expect(type?: ToPython["type"]): void;
  /** Something arrived. */
  heard(): void;
  /** A sign of life, which answers nothing. */
  alive(): void;
  /** A run began or ended: it speaks now and then, and one that falls silent is asked whether anybody is there. */
  attend(): void;
  rest(): void;
}

export function createAnswers(initial: Link, running: () => boolean, ping: () => void): Answers {
  const link: Signal<Link> = signal(initial);
  const asked: Signal<ToPython["type"] | null> = signal(null);
  const reachable = computed(() => link.value !== "gone" && link.value !== "saved");
  let timer: ReturnType<typeof setTimeout> | undefined;
  let due = false;

  function rest(): void {
    due = false;
    clearTimeout(timer);
  }

  function wait(then: () => void): void {
    rest();
    timer = setTimeout(then, QUIET_AFTER_MS);
  }

  const silent = () =>
    batch(() => {
      if (link.peek() === "live") link.value = "quiet";
      asked.value = null;
    });

  function attend(): void {
    rest();
    if (!running() || !reachable.peek()) return;
    wait(() => {
      wait(silent);
      ping();
    });
  }

  function alive(): void {
    if (link.peek() !== "saved") link.value = "live";
    if (!due) attend();
  }

  return {
    link,
    asked,
    reachable,
    expect(type) {
      if (type) asked.value = type;
      wait(silent);
      due = true;
    },
    heard() {
      // Stop is answered by the run's end, not by the next tick of its progress
      if (asked.peek() !== "stop") asked.value = null;
      due = false;
      alive();
    },
    alive,
    attend,
    rest,
  };
}
