import { afterEach, expect, it, vi } from "vitest";
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

it("a click strikes, again restores; a double click does neither", async () => {
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
      { op: "insert", position: 4, text: "really" },
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
  await painted();
  expect(view.words(".tx-body")).toBe("<b>Very</b> dull, so dull really!");
  expect(view.root.querySelector(".tx-body b")).toBeNull();
  expect(word(3).className).toContain("gone");
  expect(view.words(".tx-list")).toContain("really");
  expect(view.words(".jx-say")).toContain("Raised most by really, dull");
});

it("a saved page strikes nothing", async () => {
  await show({}, { live: false });
  const asked = vi.spyOn(view.model, "set");
  click(1);
  await later(280);
  expect(asked).not.toHaveBeenCalled();
});
