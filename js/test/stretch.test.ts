/** A long text: what is out of sight is drawn later, and never seen as it was before. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { text } from "./fixtures";
import { type Mounted, mounted, painted } from "./mounted";

/** Says what a test says is seen. */
class Watcher {
  static all: Watcher[] = [];
  readonly watched = new Set<Element>();
  ended = false;
  constructor(readonly say: (found: { target: Element; isIntersecting: boolean }[]) => void) {
    Watcher.all.push(this);
  }
  observe = (element: Element) => this.watched.add(element);
  unobserve = (element: Element) => this.watched.delete(element);
  disconnect = () => {
    this.ended = true;
  };
  takeRecords = () => [];
}

const COUNT = 650;
let view: Mounted;

beforeEach(async () => {
  Watcher.all = [];
  vi.stubGlobal("IntersectionObserver", Watcher);
  const words = Array.from({ length: COUNT }, (_, i) => `w${i}`);
  let at = 0;
  const offsets = words.map((word): [number, number] => {
    at += word.length + 1;
    return [at - word.length - 1, at - 1];
  });
  view = mounted(
    text(
      `${words.join(" ")}.`,
      offsets,
      words.map((_, i) => (i % 2 ? 0.1 : -0.1)),
    ),
  );
  await painted();
});
afterEach(() => {
  view.close();
  vi.unstubAllGlobals();
});

/** The watcher of the text: others watch whether the view itself is seen. */
const watcher = () => Watcher.all.find((one) => one.watched.size > 1) as Watcher;
const struck = () => view.all(".w.gone").map((word) => word.textContent);
const strike = (word: number) => {
  view.all(".w")[word]?.dispatchEvent(new KeyboardEvent("keydown", { key: " ", bubbles: true }));
};

describe("a text of hundreds of words", () => {
  it("has every character in order, in parts that are watched", () => {
    expect(view.$(".tx-body")?.textContent).toBe(`${Array.from({ length: COUNT }, (_, i) => `w${i}`).join(" ")}.`);
    expect(view.all(".w")).toHaveLength(COUNT);
    expect(watcher().watched.size).toBe(Math.ceil(COUNT / 100));
  });

  it("draws what is seen at once and the rest when nothing changes any more", async () => {
    const parts = [...watcher().watched];
    watcher().say(parts.slice(1).map((target) => ({ target, isIntersecting: false })));
    strike(3);
    strike(640);
    await painted();
    expect(struck()).toEqual(["w3"]);
    await vi.waitFor(() => expect(struck()).toEqual(["w3", "w640"]));
  });

  it("draws what comes into sight before its turn", async () => {
    const parts = [...watcher().watched];
    watcher().say(parts.slice(1).map((target) => ({ target, isIntersecting: false })));
    strike(640);
    await painted();
    expect(struck()).toEqual([]);
    watcher().say([{ target: parts.at(-1) as Element, isIntersecting: true }]);
    await painted();
    expect(struck()).toEqual(["w640"]);
  });

  it("watches nothing once it is gone", async () => {
    const own = watcher();
    view.close();
    expect(own.ended || own.watched.size === 0).toBe(true);
  });
});
