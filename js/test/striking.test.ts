import { afterEach, expect, it, vi } from "vitest";
import { placeOf, sentencesOf } from "../src/sentences";
import { revive } from "../src/standin";
import { floats, type Plain, text } from "./fixtures";
import { type Mounted, mounted, painted, python } from "./mounted";

const offsets = [
  [0, 2],
  [3, 7],
  [9, 11],
  [12, 16],
];
const review = (patch: Partial<Plain> = {}) => text("So dull, so dull!", offsets, [0.01, 0.157, -0.08, 0.1], patch);

let view: Mounted;
afterEach(() => view?.close());
const show = async (patch: Partial<Plain> = {}, options = {}) => {
  view = mounted(review(patch), options);
  await painted();
};
const word = (unit: number) => view.$(`[data-unit="${unit}"]`) as HTMLElement;
const click = (unit: number, detail = 1) =>
  word(unit).dispatchEvent(new MouseEvent("click", { bubbles: true, detail } as MouseEventInit));
const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

it("a click strikes, again restores; a double click does neither but edits", async () => {
  await show();
  click(1);
  await later(280);
  expect(view.model.get("request")).toEqual({ edits: [{ op: "strike", positions: [1] }] });
  expect(word(1).className).toContain("gone");
  expect(word(1).getAttribute("aria-label")).toBe("dull, struck");
  click(1);
  await later(280);
  expect(word(1).className).not.toContain("gone");
  const asked = vi.spyOn(view.model, "set");
  click(0);
  click(0, 2);
  word(0).dispatchEvent(new MouseEvent("dblclick", { bubbles: true }));
  await later(280);
  expect(asked).not.toHaveBeenCalled();
  expect(draft()?.value).toBe("So");
  expect(draft()).toBe(document.activeElement);
});

it("a fast hand strikes every word it clicks, and only a second click on the same one is a double click", async () => {
  await show();
  click(0);
  click(1);
  click(3);
  await later(280);
  const last = [
    { op: "strike", positions: [0] },
    { op: "strike", positions: [1] },
    { op: "strike", positions: [3] },
  ];
  expect(edits()).toEqual(last);
  click(0);
  click(2);
  click(2, 2);
  word(2).dispatchEvent(new MouseEvent("dblclick", { bubbles: true }));
  await later(280);
  expect(edits()).toEqual([...last, { op: "restore", positions: [0] }]);
  expect(draft()?.value).toBe("so");
});

const draft = () => view.$(".draft") as HTMLInputElement | null;
const press = async (target: HTMLElement, key: string, more: object = {}) => {
  target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, ...more }));
  await painted();
};
const type = async (words: string, end = "Enter") => {
  const field = draft() as HTMLInputElement;
  field.value = words;
  field.dispatchEvent(new Event("input", { bubbles: true }));
  await painted();
  await press(field, end);
};
const edits = () => (view.model.get("request") as { edits?: unknown[] }).edits;

it("Enter edits a word in place: new words replace, none strike, the old ones restore, Esc lets be", async () => {
  await show();
  await press(word(1), "Enter");
  await type("fine");
  expect(edits()).toEqual([{ op: "replace", position: 1, text: "fine" }]);
  expect(view.words(".tx-body")).toBe("So fine, so dull!");
  expect(document.activeElement).toBe(word(1));
  // the model has not answered: nothing is known of it
  expect(view.words(".jx-say")).toMatch(/^With 1 word replaced\. [A-Z]/);
  expect(view.$(".jx-outs .was")).toBeNull();
  const preview = view.model.sent.at(-1) as { id: number };
  view.model.emit("msg:custom", { type: "preview", id: preview.id, predictions: [0.4, 0.6] }, []);
  await painted();
  expect(view.words(".jx-say")).toContain("With 1 word replaced: 0.793 \u2192 0.400, the prediction flips.");
  expect(view.words(".jx-outs .was")).toBe("was 0.793");
  await press(word(1), "Enter");
  await type("<b>", "Escape");
  expect(edits()).toHaveLength(1);
  await press(word(1), "Enter");
  await type("dull");
  expect(edits()?.at(-1)).toEqual({ op: "restore", positions: [1] });
  await press(word(1), "Enter");
  await type("  ");
  expect(edits()?.at(-1)).toEqual({ op: "strike", positions: [1] });
});

it("an input method's Enter does not end the word", async () => {
  await show();
  await press(word(0), "Enter");
  await press(draft() as HTMLElement, "Enter", { isComposing: true });
  expect(draft()).not.toBeNull();
});

it("I and A insert before and after; a click between words does too, one beside the text does not", async () => {
  await show();
  await press(word(2), "i");
  await type("never");
  await press(word(3), "a");
  await type("really");
  expect(edits()).toEqual([
    { op: "insert", position: 2, text: "never" },
    { op: "insert", position: 4, text: "really" },
  ]);
  expect(view.words(".tx-body")).toBe("So dull, never so dull really!");
  for (let unit = 0; unit < 4; unit++) {
    const box = { left: 50 * unit, right: 50 * unit + 40, top: 0, bottom: 20 } as DOMRect;
    vi.spyOn(word(unit), "getBoundingClientRect").mockReturnValue(box);
  }
  const body = view.$(".tx-body") as HTMLElement;
  const at = (x: number, y: number) =>
    body.dispatchEvent(new MouseEvent("click", { bubbles: true, clientX: x, clientY: y, detail: 1 } as MouseEventInit));
  at(45, 90);
  await later(280);
  expect(draft()).toBeNull();
  at(45, 10);
  await later(280);
  await type("<i>x</i>");
  expect(edits()?.at(-1)).toEqual({ op: "insert", position: 1, text: "<i>x</i>" });
  expect(view.root.querySelector(".tx-body i")).toBeNull();
});

it("a sentence is struck with Shift, or as the reader chose; equal words too", async () => {
  const words = "So dull. So dull!";
  const spans = [
    [0, 2],
    [3, 7],
    [9, 11],
    [12, 16],
  ];
  view = mounted(text(words, spans, [0.01, 0.157, -0.08, 0.1]));
  await painted();
  await press(word(3), " ", { shiftKey: true });
  expect(edits()).toEqual([{ op: "strike", positions: [2, 3] }]);
  const scope = view.$('select[aria-label="a click strikes"]') as HTMLSelectElement;
  scope.value = "equal";
  scope.dispatchEvent(new Event("change", { bubbles: true }));
  await painted();
  click(1);
  await later(280);
  expect(edits()?.at(-1)).toEqual({ op: "strike", positions: [1, 3] });
});

it("text that is being selected is not struck", async () => {
  await show();
  vi.spyOn(globalThis, "getSelection").mockReturnValue({ toString: () => "dul" } as Selection);
  click(1);
  await later(280);
  expect(edits()).toBeUndefined();
});

it("arrows follow the reading order, also past inserted words and from right to left", async () => {
  await show({ request: { edits: [{ op: "insert", position: 1, text: "very" }] } });
  word(0).focus();
  await press(word(0), "ArrowRight");
  expect((document.activeElement as HTMLElement).textContent).toBe("very");
  (view.$(".tx-body") as HTMLElement).style.direction = "rtl";
  await press(word(0), "ArrowLeft");
  expect((document.activeElement as HTMLElement).textContent).toBe("very");
});

it("a place between words is found by line, either way round", () => {
  const at = (unit: number, left: number, top = 0) => ({
    unit,
    box: { left, right: left + 40, top, bottom: top + 20 },
  });
  const lines = [at(0, 0), at(1, 50), at(2, 100), at(3, 0, 32), at(4, 50, 32)];
  expect(placeOf(lines, 45, 10, false)).toBe(1);
  expect(placeOf(lines, 300, 10, false)).toBe(3);
  expect(placeOf(lines, 300, 45, false)).toBe(5);
  expect(placeOf(lines, 45, 200, false)).toBeNull();
  const back = [at(0, 100), at(1, 50), at(2, 0)];
  expect(placeOf(back, 95, 10, true)).toBe(1);
  expect(placeOf(back, -5, 10, true)).toBe(3);
});

it("sentences of any script, with and without the browser's own rules", () => {
  const parts = (words: string) => sentencesOf(words).map(([from, to]) => words.slice(from, to));
  const samples = ["One. Two! Three?", "\u4e00\u4e8c\u3002\u4e09\u3002", "no end"];
  const known = samples.map(parts);
  expect(known.map((each) => each.length)).toEqual([3, 2, 1]);
  vi.stubGlobal("Intl", {});
  expect(samples.map(parts)).toEqual(known);
});

it("Space strikes the word in focus, equal words together if they are shown as one", async () => {
  await show({ display: { grouped: true } });
  word(3).dispatchEvent(new KeyboardEvent("keydown", { key: " ", bubbles: true }));
  await painted();
  expect(view.model.get("request")).toEqual({ edits: [{ op: "strike", positions: [1, 3] }] });
});

it("shows what Python replaced and inserted, with its weight, as text", async () => {
  await show();
  await python(view.model, "request", {
    edits: [
      { op: "replace", position: 0, text: "<b>Very</b>" },
      { op: "strike", positions: [3] },
      { op: "insert", position: 4, text: "quite" },
      { op: "replace", position: 4, text: "really" },
    ],
  });
  const base = review().frame as Record<string, unknown>;
  const next = {
    ...base,
    run: 2,
    n_features: 4,
    ids: [0, 1, 2, 4],
    values: floats(0.01, 0.157, -0.08, 0.3, -0.01, -0.157, 0.08, -0.3),
    std_errors: undefined,
    original: floats(0.793, 0.207),
  };
  await python(view.model, "frame", revive(next));
  await vi.waitFor(() => expect(view.words(".tx-list")).toContain("really"), 3000);
  expect(view.words(".tx-body")).toBe("<b>Very</b> dull, so dull really!");
  expect(view.root.querySelector(".tx-body b")).toBeNull();
  expect(word(3).className).toContain("gone");
  expect(view.words(".jx-say")).toContain("Raised most by really, dull");
});

it("words that were inserted are struck, come back and are written anew like any other", async () => {
  const put = { op: "insert" as const, position: 2, text: "never" };
  await show({ request: { edits: [put, { op: "insert" as const, position: 4, text: "really" }] } });
  click(4);
  await later(280);
  expect(edits()?.at(-1)).toEqual({ op: "strike", positions: [4] });
  expect(word(4).getAttribute("aria-label")).toBe("never, struck");
  expect(word(5).className).toContain("new");
  expect(view.words(".jx-say")).toMatch(/With 1 word inserted\./);
  await press(word(4), " ");
  expect(edits()?.at(-1)).toEqual({ op: "restore", positions: [4] });
  expect(view.words(".jx-say")).toMatch(/With 2 words inserted\./);
  word(5).dispatchEvent(new MouseEvent("dblclick", { bubbles: true }));
  await painted();
  await type("so very");
  expect(edits()?.at(-1)).toEqual({ op: "replace", position: 5, text: "so very" });
  expect(view.words(".tx-body")).toBe("So dull, never so dull so very!");
  expect(document.activeElement).toBe(word(5));
  await press(word(5), "Enter");
  await type("really");
  expect(edits()?.at(-1)).toEqual({ op: "restore", positions: [5] });
  // with its sentence goes what belongs to the text alone
  await press(word(4), " ", { shiftKey: true });
  expect(edits()?.at(-1)).toEqual({ op: "strike", positions: [4] });
});

it("a click that ends a word being written strikes nothing; the next one does", async () => {
  await show();
  const down = (unit: number) => word(unit).dispatchEvent(new MouseEvent("mousedown", { bubbles: true }));
  await press(word(0), "Enter");
  const field = draft() as HTMLInputElement;
  field.value = "Very";
  field.dispatchEvent(new Event("input", { bubbles: true }));
  await painted();
  down(2);
  field.dispatchEvent(new FocusEvent("blur"));
  await painted();
  click(2);
  await later(280);
  expect(edits()).toEqual([{ op: "replace", position: 0, text: "Very" }]);
  down(2);
  click(2);
  await later(280);
  expect(edits()?.at(-1)).toEqual({ op: "strike", positions: [2] });
});

it("a text whose words do nothing any more is there to be changed back", async () => {
  const flat = { values: floats(...new Array(8).fill(0)), std_errors: undefined, original: floats(0.793, 0.207) };
  const struck = { edits: [{ op: "strike" as const, positions: [0, 1, 2] }] };
  await show({ request: struck, frame: { ...(review().frame as object), ...flat } });
  expect(view.words("[role=note]")).toContain("No feature changes this output");
  expect(view.words(".jx-say")).toBe("Without 3 words: 0.793 \u2192 0.793.");
  click(1);
  await later(280);
  expect(edits()?.at(-1)).toEqual({ op: "restore", positions: [1] });
  view.close();
  await show({ frame: { ...(review().frame as object), ...flat, original: undefined } });
  expect(view.$(".tx-body")).toBeNull();
});

it("a saved page strikes nothing", async () => {
  await show({}, { live: false });
  const asked = vi.spyOn(view.model, "set");
  click(1);
  await later(280);
  expect(asked).not.toHaveBeenCalled();
});
