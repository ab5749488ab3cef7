/** The photo in the reader's hands: what the adjustments do to pixels, and what gestures ask for. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { changeWords } from "../src/controls/changed";
import { amountText, develop, dialsOf } from "../src/darkroom";
import { readEdits } from "../src/edits";
import { compose, coverOf, heatLayer, veil } from "../src/heat";
import type { Geometry } from "../src/schema.gen";
import { revive } from "../src/standin";
import { coverStroke, ledOn, widthsOf } from "../src/strokes";
import { image, type Plain } from "./fixtures";
import { type Mounted, mounted, painted, python } from "./mounted";

const [W, H] = [9, 9];
const rgba = new Uint8ClampedArray(W * H * 4).fill(255);
for (let at = 0; at < W * H; at++) rgba.set([100, 100 + at, 60], 4 * at);
const after = (...edits: [string, number][]) => develop(rgba, W, H, 1, new Map(edits) as never);
const mean = (data: Uint8ClampedArray, channel: number) =>
  Array.from({ length: W * H }, (_, at) => data[4 * at + channel] as number).reduce((a, b) => a + b, 0) / (W * H);

describe("adjustments", () => {
  it("leave the photo itself alone; none is the photo", () => {
    const before = rgba.slice();
    expect(after()).toBe(rgba);
    after(["blur", 2], ["noise", 0.2], ["contrast", 1], ["rotation", 45]);
    expect(rgba).toEqual(before);
  });

  it("follow Python's arithmetic", () => {
    expect(after(["brightness", 0.2])[0]).toBe(151);
    expect(after(["brightness", -0.8])[2]).toBe(0);
    const flat = after(["contrast", -1]);
    const grey = (mean(rgba, 0) + mean(rgba, 1) + mean(rgba, 2)) / 3;
    expect([flat[0], flat[1], flat[2]].every((value) => Math.abs((value as number) - grey) <= 0.5)).toBe(true);
    expect(after(["contrast", 1])[2]).toBe(Math.round(2 * 60 - grey));
  });

  it("blur keeps the mean and takes the spread; noise the other way", () => {
    const spread = (data: Uint8ClampedArray) => {
      const middle = mean(data, 1);
      return Math.sqrt(
        mean(
          Uint8ClampedArray.from(data, (value) => (value - middle) ** 2 / 16),
          1,
        ),
      );
    };
    const soft = after(["blur", 3]);
    expect(Math.abs(mean(soft, 1) - mean(rgba, 1))).toBeLessThan(1.5);
    expect(spread(soft)).toBeLessThan(0.7 * spread(rgba));
    const even = new Uint8ClampedArray(64 * 64 * 4).fill(128);
    const grain = develop(even, 64, 64, 1, new Map([["noise", 0.1]]) as never);
    const values = Array.from({ length: 64 * 64 }, (_, at) => (grain[4 * at] as number) - 128);
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
    expect(Math.abs(deviation - 25.5)).toBeLessThan(1.5);
    expect(develop(even, 64, 64, 1, new Map([["noise", 0.1]]) as never)).toEqual(grain);
  });

  it.each([0.5, 1, 1.25, 1.5, 2.5, 4, 6, 10])(
    "a blur of %d pixels is a Gaussian, on however many pixels it is done",
    (sigma) => {
      const [w, h] = [120, 90];
      const dot = new Uint8ClampedArray(w * h * 4);
      for (let y = 30; y < 60; y++) for (let x = 40; x < 80; x++) dot.set([255, 255, 255], 4 * (y * w + x));
      const soft = develop(dot, w, h, 1, new Map([["blur", sigma]]) as never);
      const erf = (t: number) => {
        // Abramowitz and Stegun 7.1.26
        const k = 1 / (1 + 0.3275911 * Math.abs(t));
        const poly = k * (0.254829592 + k * (-0.284496736 + k * (1.421413741 + k * (-1.453152027 + k * 1.061405429))));
        return Math.sign(t) * (1 - poly * Math.exp(-t * t));
      };
      const edge = (at: number, from: number, to: number) =>
        0.5 * (erf((to - at - 0.5) / (Math.SQRT2 * sigma)) - erf((from - at - 0.5) / (Math.SQRT2 * sigma)));
      let furthest = 0;
      for (let y = 0; y < h; y++)
        for (let x = 0; x < w; x++) {
          const expected = 255 * edge(x, 40, 80) * edge(y, 30, 60);
          furthest = Math.max(furthest, Math.abs((soft[4 * (y * w + x)] as number) - expected));
        }
      expect(furthest).toBeLessThan(16); // of 255, at the corners of white on black
    },
  );

  it("turn counter-clockwise, as Python does", () => {
    const quarter = after(["rotation", 90]);
    // the top right corner comes to the top left
    expect(quarter[1]).toBe(rgba[4 * (W - 1) + 1]);
  });

  it("have dials for any size of photo, zero among their steps", () => {
    for (const size of [1, 8, 28, 224, 4000])
      for (const { kind, low, high, step } of dialsOf(size, size)) {
        expect(Number.isInteger(Math.round(((0 - low) / step) * 1e6) / 1e6), `${kind} of ${size}`).toBe(true);
        expect(high).toBeGreaterThan(low);
      }
    expect([amountText("rotation", -90), amountText("brightness", 0.2), amountText("blur", 2.5)]).toEqual([
      "\u221290\u00b0",
      "+20 %",
      "2.5 px",
    ]);
  });
});

describe("what is hidden", () => {
  const index = Uint32Array.from({ length: 16 }, (_, at) => (at % 4 < 2 ? 0 : 1));
  const ground = { width: 4, height: 4, rgba: new Uint8ClampedArray(64).fill(200), index, edges: new Uint8Array(16) };
  it("is a piece or a box, hatched over the heat", () => {
    expect(coverOf(ground, new Set(), [])).toBeNull();
    expect([...(coverOf(ground, new Set([1]), [[0, 0, 2, 1]]) ?? [])].slice(0, 8)).toEqual([1, 1, 1, 1, 0, 0, 1, 1]);
    const out = new Uint8ClampedArray(64);
    const heat = { values: [1, 1], shown: () => true, end: 1, opacity: 1, hot: -1 };
    compose(out, ground.rgba, heatLayer(ground, { ...heat, covered: coverOf(ground, new Set([1]), []) }), 1);
    const [heated, hatched] = [out.slice(0, 3), out.slice(8, 11)];
    expect(heated[0]).not.toBe(heated[2]);
    expect(hatched[0]).toBe(hatched[2]);
  });

  it("takes the mean colour of its piece, or grey where only Python knows the fill", () => {
    const covered = coverOf(ground, new Set([0]), []);
    expect(veil(ground, covered, "mean")[0]).toBe(200);
    expect(veil(ground, covered, "blur")[0]).toBe(160);
    expect(veil(ground, covered, "blur")[8]).toBe(200);
    expect(veil(ground, null, "blur")).toBe(ground.rgba);
  });
});

describe("a stroke", () => {
  /** Masks that Python made. */
  const golden = JSON.parse(
    readFileSync(join(resolve(import.meta.dirname, "../../tests/golden/strokes"), "masks.json"), "utf8"),
  ) as { points: [number, number][]; width: number; size: [number, number]; rows: string[] }[];

  it.each(golden)("$points of width $width covers the pixels that Python covers", ({ points, width, size, rows }) => {
    const [w, h] = size;
    const covered = new Uint8Array(w * h);
    coverStroke(covered, size, size, { points, width });
    const drawn = Array.from({ length: h }, (_, y) =>
      [...covered.slice(y * w, (y + 1) * w)].map((on) => ".#"[on]).join(""),
    );
    expect(drawn).toEqual(rows);
    // on a canvas three times as large each image pixel is a square of nine
    const large = new Uint8Array(9 * w * h);
    coverStroke(large, [3 * w, 3 * h], size, { points, width });
    expect(large.every((on, at) => on === covered[Math.floor(at / (9 * w)) * w + Math.floor((at % (3 * w)) / 3)])).toBe(
      true,
    );
  });

  it("drops points that nobody could see", () => {
    expect(ledOn([[0, 0]], [1, 0], 40)).toEqual([[0, 0], [1, 0]]); // biome-ignore format: pairs
    expect(ledOn([[0, 0], [1, 0]], [9, 0], 40)).toEqual([[0, 0], [9, 0]]); // biome-ignore format: pairs
    expect(ledOn([[0, 0], [5, 0]], [9, 0], 40)).toHaveLength(3); // biome-ignore format: pairs
    for (const size of [1, 3, 28, 224, 4000]) {
      const { least, usual, most } = widthsOf(size, size);
      expect(least <= usual && usual <= most, `${size}`).toBe(true);
    }
  });
});

let view: Mounted;
afterEach(() => view?.close());
const show = async (patch: Partial<Plain> = {}, options = {}) => {
  view = mounted(image(patch), options);
  await painted();
};
const edits = () => (view.model.get("request") as { edits?: unknown[] }).edits;
const sent = (type: string) => view.model.sent.filter((message) => (message as { type: string }).type === type);
const pieces = () => view.$("[role=listbox]") as HTMLElement;
const key = async (target: HTMLElement, name: string) => {
  target.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true }));
  await painted();
};
const pointer = (type: string, x: number, y: number) => {
  const canvas = view.$("canvas") as HTMLCanvasElement;
  vi.spyOn(canvas, "getBoundingClientRect").mockReturnValue({ left: 0, top: 0, width: 200, height: 200 } as DOMRect);
  const event = new MouseEvent(type, { bubbles: true, clientX: x, clientY: y, button: 0 } as MouseEventInit);
  canvas.dispatchEvent(event);
};

const choose = async (tool: "brush" | "box") => {
  (view.all(".tools input")[tool === "box" ? 1 : 0] as HTMLInputElement).click();
  await painted();
};
const cover = () => view.$(".cover") as HTMLElement;

describe("the hand on the photo", () => {
  it("Space hides the piece in focus and brings it back; arrows move on; undo takes it back", async () => {
    await show();
    expect(pieces().querySelectorAll("[role=option]")[0]?.getAttribute("aria-label")).toContain("piece 1, +0.028");
    await key(pieces(), "ArrowRight");
    await key(pieces(), " ");
    expect(edits()).toEqual([{ op: "hide", pieces: [1] }]);
    expect(pieces().querySelectorAll("[role=option]")[1]?.getAttribute("aria-label")).toBe("piece 2, hidden");
    const preview = sent("preview").at(-1) as { id: number };
    const predictions = new Array(1000).fill(0.0001).map((score, i) => (i === 282 ? 0.25 : score));
    view.model.emit("msg:custom", { type: "preview", id: preview.id, predictions }, []);
    await painted();
    expect(view.words(".jx-say")).toContain("With 1 piece hidden: 0.385 \u2192 0.250");
    await key(pieces(), " ");
    expect(edits()?.at(-1)).toEqual({ op: "show", pieces: [1] });
    view.all(".jx-hands button")[0]?.click();
    await painted();
    expect(edits()).toEqual([{ op: "hide", pieces: [1] }]);
  });

  it("a drag covers a box in the image's own pixels: the prediction is asked for, explained on release", async () => {
    const base = image();
    const layout = { ...(base.geometry as { layout: object }).layout, original_width: 400 };
    await show({ geometry: { ...(base.geometry as object), layout } });
    await choose("box");
    pointer("pointerdown", 50, 20);
    pointer("pointermove", 52, 21);
    expect(sent("preview")).toEqual([]);
    pointer("pointermove", 90, 60);
    pointer("pointermove", 100, 10);
    await painted();
    expect(edits()).toBeUndefined();
    expect((sent("preview").at(-1) as { edits: unknown[] }).edits).toEqual([
      { op: "occlude", box: [100, 20, 200, 40] },
    ]);
    pointer("pointerup", 100, 10);
    expect(edits()).toEqual([{ op: "occlude", box: [100, 20, 200, 40] }]);
    // the next box is another, however soon
    pointer("pointerdown", 0, 0);
    pointer("pointermove", 20, 20);
    pointer("pointerup", 20, 20);
    expect(edits()).toHaveLength(2);
    await painted();
    expect(view.words(".jx-say")).toContain("With 2 boxes covered");
  });

  it("a drag brushes in the image's own pixels, as wide as chosen; one stroke is one step", async () => {
    const base = image();
    const layout = { ...(base.geometry as { layout: object }).layout, original_width: 400 };
    await show({ geometry: { ...(base.geometry as object), layout } });
    const width = view.$('input[aria-label="width of the brush"]') as HTMLInputElement;
    expect(width.getAttribute("aria-valuetext")).toBe("33 pixels");
    width.value = "38";
    width.dispatchEvent(new Event("input", { bubbles: true }));
    await painted();
    expect(width.getAttribute("aria-valuetext")).toBe("40 pixels");
    pointer("pointerdown", 50, 20);
    for (const [x, y] of [[90, 60], [91, 60], [100, 10]] as const) pointer("pointermove", x, y); // biome-ignore format: pairs
    await painted();
    // a point that is next to another adds nothing
    const stroke = { op: "brush", points: [[100, 40], [180, 120], [200, 20]], width: 40 }; // biome-ignore format: pairs
    expect((sent("preview")[0] as { edits: unknown[] }).edits).toEqual([
      { ...stroke, points: stroke.points.slice(0, 2) },
    ]);
    expect(edits()).toBeUndefined();
    pointer("pointerup", 100, 10);
    expect(edits()).toEqual([stroke]);
    pointer("pointerdown", 0, 0);
    pointer("pointermove", 20, 20);
    pointer("pointerup", 20, 20);
    expect(edits()).toHaveLength(2);
    await painted();
    expect(view.words(".jx-say")).toContain("With 2 strokes brushed.");
    view.all(".jx-hands button")[0]?.click();
    await painted();
    expect(edits()).toEqual([stroke]);
    // a gesture that the host takes away leaves nothing
    pointer("pointerdown", 0, 0);
    pointer("pointermove", 20, 20);
    pointer("pointercancel", 20, 20);
    await painted();
    expect(edits()).toEqual([stroke]);
  });

  it("keys lead the brush: Space dabs, Shift with arrows brushes until Shift is let go", async () => {
    const base = image();
    const layout = { ...(base.geometry as { layout: object }).layout, original_width: 120 };
    await show({ geometry: { ...(base.geometry as object), layout } });
    expect(cover().tabIndex).toBe(0);
    expect(cover().getAttribute("aria-label")).toContain("Space covers");
    cover().focus();
    await key(cover(), "ArrowRight");
    expect(view.words(".cover [aria-live]")).toBe("54 % from the left, 50 % from the top");
    await key(cover(), " ");
    expect(edits()).toEqual([{ op: "brush", points: [[65, 60]], width: 10 }]);
    const shift = (name: string) =>
      cover().dispatchEvent(new KeyboardEvent("keydown", { key: name, shiftKey: true, bubbles: true }));
    for (const name of ["ArrowDown", "ArrowDown", "ArrowRight"]) shift(name);
    expect(edits()).toHaveLength(1);
    cover().dispatchEvent(new KeyboardEvent("keyup", { key: "Shift", bubbles: true }));
    const led = [[65, 60], [65, 65], [65, 70], [70, 70]]; // biome-ignore format: pairs
    expect(edits()?.at(-1)).toEqual({ op: "brush", points: led, width: 10 });
    cover().blur();
    await painted();
    expect(view.$(".ring")).toBeNull();
  });

  it("keys lead a box: Shift with arrows sizes it, Enter covers it, never beyond the photo", async () => {
    const base = image();
    const layout = { ...(base.geometry as { layout: object }).layout, original_width: 80 };
    await show({ geometry: { ...(base.geometry as object), layout } });
    await choose("box");
    expect(view.$('input[aria-label="width of the brush"]')).toBeNull();
    cover().focus();
    for (const name of ["ArrowLeft", "ArrowUp"]) await key(cover(), name);
    const shift = (name: string) =>
      cover().dispatchEvent(new KeyboardEvent("keydown", { key: name, shiftKey: true, bubbles: true }));
    for (const name of ["ArrowRight", "ArrowRight", "ArrowUp"]) shift(name);
    await key(cover(), "Enter");
    expect(edits()).toEqual([{ op: "occlude", box: [38, 38, 58, 52] }]);
    for (let i = 0; i < 30; i++) shift("ArrowRight");
    await key(cover(), "Enter");
    expect(edits()?.at(-1)).toEqual({ op: "occlude", box: [38, 38, 80, 52] });
  });

  it("a dial shows the photo's change at once and asks Python for the true picture", async () => {
    await show();
    const blur = view.$('input[aria-label="rotation"]') as HTMLInputElement;
    expect(blur.getAttribute("aria-valuetext")).toBe("0\u00b0, probability 0.385");
    blur.value = String(Number(blur.value) + 10);
    blur.dispatchEvent(new Event("input", { bubbles: true }));
    await painted();
    expect(blur.getAttribute("aria-valuetext")).toBe("30\u00b0, probability 0.385");
    const rotated = [{ op: "adjust", kind: "rotation", amount: 30 }];
    await vi.waitFor(() => expect(sent("picture").at(-1)).toMatchObject({ edits: rotated }), 3000);
    expect(edits()).toBeUndefined();
    blur.dispatchEvent(new Event("change", { bubbles: true }));
    await painted();
    expect(edits()).toEqual(rotated);
    await key(blur, "Backspace");
    expect(edits()?.at(-1)).toEqual({ op: "adjust", kind: "rotation", amount: 0 });
  });

  it("asks for one picture at a time, the newest next", async () => {
    await show();
    const dial = view.$('input[aria-label="noise"]') as HTMLInputElement;
    for (const step of [1, 2, 3]) {
      dial.value = String(step);
      dial.dispatchEvent(new Event("input", { bubbles: true }));
      await painted();
    }
    await vi.waitFor(() => expect(sent("picture")).not.toEqual([]), 3000);
    const [first, ...others] = sent("picture") as { id: number }[];
    expect(others).toEqual([]);
    view.model.emit("msg:custom", { type: "picture", id: first?.id, mime: "image/png" }, []);
    // a page that is slow may have asked for the value before the last by then: never for the first two again
    await vi.waitFor(() => {
      const asked = sent("picture").slice(1) as { id: number; edits: { amount: number }[] }[];
      view.model.emit("msg:custom", { type: "picture", id: asked.at(-1)?.id, mime: "image/png" }, []);
      expect(asked.at(-1)?.edits[0]?.amount).toBe(0.03);
      expect(asked.length).toBeLessThanOrEqual(2);
    }, 3000);
  });

  it("an error of the picture is said; a saved page has no hands", async () => {
    await show();
    (view.$(".im-c .chk input") as HTMLInputElement).click();
    await key(pieces(), " ");
    await vi.waitFor(() => expect(sent("picture")).toHaveLength(1), 3000);
    const [asked] = sent("picture") as { id: number }[];
    view.model.emit("msg:custom", { type: "picture", id: asked?.id, error: "<b>no</b>" }, []);
    await painted();
    expect(view.words(".im .err")).toBe("<b>no</b>");
    view.close();
    await show({}, { live: false });
    expect(view.$('input[aria-label="blur"]')).toBeNull();
    expect([view.$(".cover"), view.$(".tools")]).toEqual([null, null]);
    await key(pieces(), " ");
    expect(edits()).toBeUndefined();
  });
});

it("changes are said in words", async () => {
  const shape = revive(image().geometry) as Geometry;
  const words = (...log: object[]) => changeWords(shape, readEdits(log as never));
  expect(words()).toBe("");
  expect(words({ op: "hide", pieces: [0, 1] }, { op: "adjust", kind: "blur", amount: 2 })).toBe(
    "With blur 2 px, 2 pieces hidden",
  );
  await show();
  await python(view.model, "request", { edits: [{ op: "hide", pieces: [2] }] });
  expect(view.words(".jx-say")).toContain("With 1 piece hidden");
});
