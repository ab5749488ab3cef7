/** Mounts a view on the stand-in, as anywidget would. */
import { vi } from "vitest";
import boards from "../src/boards";
import one, { mount } from "../src/index";
import { StandIn } from "../src/standin";
import type { Plain } from "./fixtures";

export interface Mounted {
  el: HTMLElement;
  model: StandIn;
  root: HTMLElement;
  $: (selector: string) => HTMLElement | null;
  all: (selector: string) => HTMLElement[];
  words: (selector: string) => string;
  close: () => void;
}

let count = 0;

/** Each mounted view is a model of its own unless one is given. */
export function mounted(state: Plain, options: { live?: boolean; model?: StandIn } = {}): Mounted {
  const unique = { ...state, uid: `${state.uid}-${count++}` };
  const entry = ["board", "summary", "overview"].some((name) => name in state) ? boards : one;
  const model = options.model ?? new StandIn(unique as never, { live: options.live ?? true, row: mount });
  const dispose = options.model ? () => {} : entry.initialize({ model });
  const el = document.createElement("div");
  document.body.append(el);
  const unmount = entry.render({ model, el });
  const root = el.querySelector<HTMLElement>(".jx") as HTMLElement;
  return {
    el,
    model,
    root,
    $: (selector) => root.querySelector<HTMLElement>(selector),
    all: (selector) => [...root.querySelectorAll<HTMLElement>(selector)],
    words: (selector) => (root.querySelector(selector)?.textContent ?? "").replace(/\s+/g, " ").trim(),
    close: () => {
      unmount();
      dispose();
      el.remove();
    },
  };
}

/** Lets signals, effects and one painted frame through. */
export const painted = () => vi.waitFor(() => new Promise((resolve) => setTimeout(resolve, 80)));

/** Python writes a trait. */
export async function python(model: StandIn, name: string, value: unknown): Promise<void> {
  model.set(name, value);
  await painted();
}
