/** What is painted of a photo in the hand: pixel by pixel, with the browser's part of it played. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Edit } from "../src/schema.gen";
import { floats, image, type Plain } from "./fixtures";
import { type Mounted, mounted, painted, python } from "./mounted";

/** Four by four pixels of three pieces: two squares above, one stretch below. */
const LABELS = [0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2];
const PHOTO = [60, 90, 120];
const TRUTH = [10, 200, 30];

vi.mock("../src/photo", () => {
  const filled = (colour: number[]) =>
    Uint8ClampedArray.from({ length: 64 }, (_, at) => (at % 4 === 3 ? 255 : (colour[at % 4] as number)));
  const middles = [[0.25, 0.25], [0.75, 0.25], [0.5, 0.75]]; // biome-ignore format: pairs
  const ground = (index: number[], edges: number[]) => ({
    ...{ width: 4, height: 4, rgba: filled([60, 90, 120]) },
    ...{ index: Uint32Array.from(index), edges: Uint8Array.from(edges) },
  });
  const none = new Array(16).fill(0);
  return {
    loadPhoto: async (layout: { labels?: unknown }) =>
      layout.labels
        ? { ground: ground([0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2], none), middles }
        : { ground: ground([...none.keys()], []), middles: [] },
    // cut into columns, which meet at every second
    cutAnew: async () => ({
      ground: ground(
        none.map((_, at) => at % 4),
        none.map((_, at) => at % 2),
      ),
      middles,
    }),
    pixels: async () => filled([10, 200, 30]),
  };
});

let frames: Uint8ClampedArray[] = [];
beforeEach(() => {
  frames = [];
  vi.stubGlobal(
    "ImageData",
    class {
      constructor(readonly data: Uint8ClampedArray) {}
    },
  );
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue({
    putImageData: (shown: ImageData) => frames.push(shown.data.slice()),
  } as never);
});

let view: Mounted;
afterEach(() => view?.close());
const show = async (patch: Partial<Plain> = {}) => {
  view = mounted(image(patch));
  await painted();
};
const pixel = (at: number) => [...(frames.at(-1) as Uint8ClampedArray).slice(4 * at, 4 * at + 3)];
const click = async (x: number, y: number) => {
  const canvas = view.$("canvas") as HTMLCanvasElement;
  vi.spyOn(canvas, "getBoundingClientRect").mockReturnValue({ left: 0, top: 0, width: 40, height: 40 } as DOMRect);
  for (const type of ["pointerdown", "pointerup"])
    canvas.dispatchEvent(new MouseEvent(type, { bubbles: true, clientX: x, clientY: y, button: 0 } as MouseEventInit));
  canvas.dispatchEvent(new MouseEvent("pointerleave"));
  await painted();
};
const edits = () => (view.model.get("request") as { edits?: Edit[] }).edits;
const asked = () =>
  view.model.sent.filter((message) => (message as { type: string }).type === "picture") as { id: number }[];
const answer = async (more: object, ...buffers: DataView[]) => {
  view.model.emit("msg:custom", { type: "picture", id: asked().at(-1)?.id, ...more }, buffers);
  await painted();
};
const look = async () => {
  (view.$(".im-c .hd .chk input") as HTMLInputElement).click();
  await painted();
};
const bytes = new DataView(new ArrayBuffer(4));
const grey = ([red, green, blue]: number[]) => red === green && green === blue;

it("a click hides the piece under it, hatched grey and without its number; another brings it back", async () => {
  await show();
  const numbers = () => view.all(".im-pic .lab").map((label) => label.textContent);
  expect(numbers()).toEqual(["+0.028", "\u22120.011"]);
  const before = pixel(0);
  expect(grey(before)).toBe(false);
  await click(5, 5);
  expect(edits()).toEqual([{ op: "hide", pieces: [0] }]);
  for (const at of [0, 1, 4, 5]) expect(grey(pixel(at))).toBe(true);
  expect(numbers()).toEqual(["\u22120.011"]);
  await click(15, 15);
  expect(edits()?.at(-1)).toEqual({ op: "show", pieces: [0] });
  expect(pixel(0)).toEqual(before);
  await click(35, 39);
  expect(edits()?.at(-1)).toEqual({ op: "hide", pieces: [2] });
});

it("a photo without pieces is dabbed", async () => {
  const base = image();
  const { labels: _, ...layout } = (base.geometry as { layout: { labels: unknown } }).layout;
  await show({
    geometry: { ...(base.geometry as object), layout },
    frame: {
      ...(base.frame as object),
      n_features: 16,
      values: floats(...new Array(32).fill(0.01)),
      std_errors: undefined,
    },
  });
  await click(20, 10);
  expect(edits()).toEqual([{ op: "brush", points: [[2, 1]], width: 2 }]);
});

it("what the model sees is Python's own picture of the present changes, not ours and not of earlier ones", async () => {
  await show();
  await click(5, 5);
  await look();
  expect(asked()).toHaveLength(1);
  const ours = pixel(0);
  expect(ours).not.toEqual(TRUTH);
  // what is not hidden is the photo itself, without heat
  expect(pixel(15)).toEqual(PHOTO);
  await answer({ mime: "image/png" }, bytes);
  expect(LABELS.map((_, at) => pixel(at))).toEqual(LABELS.map(() => TRUTH));
  await click(35, 5);
  expect(edits()).toHaveLength(2);
  expect(pixel(15)).toEqual(PHOTO);
  await look();
  expect(pixel(15)).not.toEqual(PHOTO);
});

it("a photo that is only darkened has Python's own picture under its heat", async () => {
  await show({ request: { edits: [{ op: "adjust", kind: "brightness", amount: -0.1 }] }, display: { opacity: 0 } });
  const ours = pixel(15);
  expect(ours.every((colour, at) => colour < (PHOTO[at] as number))).toBe(true);
  await answer({ mime: "image/png" }, bytes);
  expect(pixel(15)).toEqual(TRUTH);
});

it("another cut is drawn with its own borders, without heat or numbers, and left again", async () => {
  const info = { name: "n_segments", label: "pieces", doc: "", control: "int", cost: "rebuild", part: "input" };
  const spec = { ...info, default: 3, auto: false, min: 1, max: 9, step: 1, scale: "linear", choices: [] };
  const hide = { edits: [{ op: "hide" as const, pieces: [1] }] };
  await show({ geometry: { ...(image().geometry as object), params: [spec] }, request: hide });
  const details = view.$(".jx-panel") as HTMLDetailsElement;
  details.open = true;
  details.dispatchEvent(new Event("toggle"));
  await painted();
  const before = pixel(0);
  const slider = view.$('.jx-panel input[aria-label="pieces"]') as HTMLInputElement;
  slider.value = "3";
  slider.dispatchEvent(new Event("input", { bubbles: true }));
  await painted();
  await answer({ width: 4, height: 4, n_features: 4 }, bytes, bytes);
  expect(view.words(".im")).toContain("4 pieces would be explained.");
  expect(view.all(".im-pic .lab")).toEqual([]);
  // the borders are the new cut's: every second column is white
  const bright = LABELS.map((_, at) => pixel(at).every((colour) => colour > 230));
  expect(bright).toEqual(LABELS.map((_, at) => at % 2 === 1));
  expect(pixel(0)).toEqual(PHOTO);
  // nothing is hidden on a cut that is only tried
  await click(5, 5);
  expect(edits()).toEqual(hide.edits);
  await python(view.model, "status", { ...(image().status as object), run: 2, state: "failed", error: null });
  expect(pixel(0)).toEqual(before);
  expect(view.words(".im")).not.toContain("would be explained");
});
