import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { type Path, type Paths, readCurves } from "../src/curves";
import { readFrame, slice } from "../src/estimate";
import { drawingOf, meanHeight, removalOf, removalOrder, turnedAt, verdict } from "../src/removal";
import type { Curves, Frame } from "../src/schema.gen";
import { revive } from "../src/standin";
import type { Plain } from "./fixtures";
import { type Mounted, mounted, painted } from "./mounted";

/** States written by Python's encoder, of models that add up: the curve is the prediction less the weights removed. */
const golden = (name: string) =>
  JSON.parse(readFileSync(join(resolve(import.meta.dirname, "../../tests/golden"), `${name}.json`), "utf8")) as Plain;

function read(name: string) {
  const state = revive(golden(name)) as { frame: Frame; curves: Curves };
  const estimate = readFrame(state.frame);
  return { estimate, paths: readCurves(state.curves) };
}

const path = (x: number[], ...y: number[][]) => ({ x: Float32Array.from(x), y: y.map((l) => Float32Array.from(l)) });
const side = (scores: readonly number[]) => Number((scores[0] as number) >= 0.5);

describe("removal", () => {
  it("goes from what raises most to what lowers most, without what is gone already", () => {
    expect(removalOrder(Float32Array.of(0.1, -0.3, 0.2, 0.1), new Set())).toEqual([2, 0, 3, 1]);
    expect(removalOrder(Float32Array.of(0.1, -0.3, 0.2, 0.1), new Set([2]))).toEqual([0, 3, 1]);
  });

  it.each(["table", "text", "image"])("of a %s follows Python's own order", (name) => {
    const { estimate, paths } = read(name);
    for (const row of estimate.targets.keys()) {
      const values = slice(estimate.values, row, estimate.n_features) as Float32Array;
      const start = estimate.predictions[estimate.targets[row] as number] as number;
      for (const k of [0, 1, 2, 7, values.length]) {
        const found = removalOf(estimate, values, row, paths, k);
        expect(found?.removed.size).toBe(k);
        if (k === 0) expect(found?.scores).toBeNull();
        if (k === 0 || k > 8) continue;
        const gone = [...(found?.removed ?? [])].reduce((sum, feature) => sum + (values[feature] as number), 0);
        expect(found?.scores?.[estimate.targets[row] as number]).toBeCloseTo(start - gone, 2.5);
      }
    }
  });

  it("is none for another run, another number of features or an output without a curve", () => {
    const { estimate, paths } = read("table");
    const values = slice(estimate.values, 0, estimate.n_features) as Float32Array;
    expect(removalOf(estimate, values, 0, { ...paths, run: 2 }, 3)).toBeNull();
    expect(removalOf(estimate, values.subarray(1), 0, paths, 3)).toBeNull();
    expect(removalOf(estimate, values, 5, paths, 3)).toBeNull();
    expect(removalOf(estimate, null, 0, paths, 3)).toBeNull();
    expect(removalOf(estimate, values, 0, paths, 1e9)?.k).toBe(values.length);
    expect(removalOf(estimate, values, 0, paths, Number.NaN)?.k).toBe(0);
  });

  it("says where the decision turns, and turns back", () => {
    const line = path([0, 1, 2, 3, 4], [0.9, 0.6, 0.4, 0.3, 0.7]);
    expect(turnedAt(line, side)).toEqual({ first: 2, zones: [[2, 3]] });
    expect(turnedAt(path([0, 1, 2], [0.9, 0.8, 0.4]), side)).toEqual({ first: 2, zones: [[2, 2]] });
    expect(turnedAt(path([0, 1], [0.9, 0.8]), side).first).toBe(-1);
    expect(turnedAt(line, () => null)).toEqual({ first: -1, zones: [] });
  });

  it.each(["table", "text", "image"])("of a %s: what the same features give alone", (name) => {
    const { estimate, paths } = read(name);
    for (const row of estimate.targets.keys()) {
      const values = slice(estimate.values, row, estimate.n_features) as Float32Array;
      const found = removalOf(estimate, values, row, paths, 0);
      expect(found?.insertion, `output ${row}`).toBeTruthy();
      const { x, y } = (found as NonNullable<typeof found>).insertion as Path;
      const n = values.length;
      const whole = estimate.predictions[estimate.targets[row] as number] as number;
      const none = whole - values.reduce((sum, value) => sum + value, 0);
      expect([x[0], x.at(-1)]).toEqual([0, n]);
      let sum = none;
      found?.order.forEach((feature, at) => {
        const known = [...x].indexOf(at);
        if (known >= 0) expect(y[row]?.[known]).toBeCloseTo(sum, 2.5);
        sum += values[feature] as number;
      });
      expect(y[row]?.at(-1)).toBeCloseTo(whole, 2.5);
    }
  });

  it("is judged by its mean height against nine of ten random orders", () => {
    expect(meanHeight([0, 1, 3], [1, 0, 0])).toBeCloseTo(1 / 6);
    const chance = {
      ...path([0, 1, 2], [1, 0.5, 0]),
      low: [Float32Array.of(1, 0.4, 0)],
      high: [Float32Array.of(1, 0.6, 0)],
    };
    const of = (middle: number) => verdict(path([0, 1, 2], [1, middle, 0]), chance, 0);
    expect([of(0.2), of(0.5), of(0.9)]).toEqual(["agrees", "chance", "worse"]);
  });

  it("is drawn inside its track, whatever the scale", () => {
    const { estimate, paths } = read("table");
    const values = slice(estimate.values, 0, estimate.n_features);
    const found = removalOf(estimate, values, 0, paths, 2);
    const drawing = drawingOf(found as NonNullable<typeof found>, 0, 0.5, side);
    expect(drawing.back.length).toBeGreaterThan(2);
    for (const [x, y] of [...drawing.line, ...drawing.back, ...drawing.beside, ...drawing.band]) {
      expect(x).toBeGreaterThanOrEqual(0);
      expect(x).toBeLessThanOrEqual(1);
      expect(y).toBeGreaterThanOrEqual(0.05);
      expect(y).toBeLessThanOrEqual(0.95);
    }
    expect(drawing.band).toHaveLength(2 * drawing.beside.length);
    const flat: Paths["removal"] = new Map([[0, path([0, 1], [0.5, 0.5])]]);
    expect(drawingOf({ path: flat.get(0) as never, insertion: null, chance: null }, 0, null, side).line[1]?.[1]).toBe(
      0.06,
    );
  });
});

let view: Mounted;
const show = async (name: string, options = {}, patch: Partial<Plain> = {}) => {
  view = mounted({ ...golden(name), uid: name, ...patch }, options);
  await painted();
};
const slider = () => view.$(".jx-rem input") as HTMLInputElement;
const drag = async (k: number) => {
  slider().value = String(k);
  slider().dispatchEvent(new Event("input", { bubbles: true }));
  await painted();
};

describe("the removal slider", () => {
  afterEach(() => view.close());

  it("strikes rows of a table, says the prediction as from the curve, and asks nobody", async () => {
    await show("table");
    const before = view.words('[aria-checked="true"] .v');
    await drag(3);
    expect(view.all(".jx-row.gone")).toHaveLength(3);
    expect(view.words('[aria-checked="true"] .v')).not.toBe(before);
    expect(view.$('[aria-checked="true"] .v .guess')).not.toBeNull();
    expect(view.words('[aria-checked="true"] .was')).toBe(`was ${before}, 3 features removed`);
    expect(view.words(".jx-rem output")).toBe("3 of 19");
    // 0.156, 0.146 and 0.134 put back where all are absent
    expect(view.words(".jx-rem .rd")).toMatch(/; these alone 0\.\d{3}/);
    // put back alone, random orders, and the band of nine of ten of them
    for (const part of ["c", "i", "o", "w"]) expect(view.$(`.jx-rem path.${part}`)).not.toBeNull();
    expect(slider().getAttribute("aria-valuetext")).toMatch(/^3 of 19 features removed, probability 0\.\d{3}$/);
    expect((view.model.get("display") as { removed: number }).removed).toBe(3);
    expect(view.model.sent.filter((message) => (message as { type: string }).type !== "hello")).toEqual([]);
    await drag(0);
    expect(view.words('[aria-checked="true"] .v')).toBe(before);
    expect(view.$(".jx-row.gone")).toBeNull();
  });

  it("answers buttons and keys", async () => {
    await show("table");
    const [fewer, more] = view.all(".jx-rem .btn") as HTMLButtonElement[];
    expect(fewer?.getAttribute("aria-disabled")).toBe("true");
    more?.click();
    more?.click();
    await painted();
    expect(view.words(".jx-rem output")).toBe("1 of 19");
    const key = async (name: string) => {
      slider().dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true }));
      await painted();
    };
    await key("PageUp");
    expect(view.words(".jx-rem output")).toBe("11 of 19");
    await key("f");
    expect(view.words(".jx-rem output")).toBe("1 of 19"); // 0.635 - 0.156 is below the threshold
    expect(view.words(".jx-rem .rd")).toContain("flipped at 1");
    await key("Backspace");
    expect(view.words(".jx-rem output")).toBe("0 of 19");
    expect(view.words(".jx-rem .rd")).toContain(
      "flips after removing 1 · dashed: random order · dotted: these alone · the model",
    );
  });

  it("works in a saved page, where it was left", async () => {
    await show("text", { live: false }, { display: { removed: 2 } });
    expect(view.words(".tx-body")).toContain("dull");
    const struck = view.all(".tx-body .w.gone").map((word) => word.textContent);
    expect(struck.sort()).toEqual(["dull", "script"]);
    expect(view.words(".jx-foot")).toContain("Curves took 412 more rows.");
    expect(view.all(".tx-r.gone")).toHaveLength(2);
    expect(view.words(".jx-rem .rd")).toContain("without dull, script; these alone");
    expect(view.$(".jx-rem path.i")).not.toBeNull();
    expect(view.words(".jx-msg")).toContain("the removal slider");
    await drag(3);
    expect(view.all(".tx-body .w.gone")).toHaveLength(3);
    expect(view.model.sent.filter((message) => (message as { type: string }).type !== "hello")).toEqual([]);
  });

  it("follows the chosen output's own order", async () => {
    await show("text", {}, { display: { target: 1, removed: 2 } });
    const struck = view.all(".tx-body .w.gone").map((word) => word.textContent);
    expect(struck.sort()).toEqual(["great", "wonderful"]);
  });

  it("stands under a photo", async () => {
    await show("image", {}, { display: { target: 282, removed: 5 } });
    expect(view.words(".jx-rem output")).toBe("5 of 24");
    expect(view.words('[aria-checked="true"] .was')).toContain("5 pieces removed");
  });

  it("is put back when something else is asked, and waits while a hand is ahead", async () => {
    await show("text", {}, { display: { removed: 2 } });
    const word = view.all(".tx-body .w").at(3) as HTMLElement;
    word.dispatchEvent(new KeyboardEvent("keydown", { key: " ", bubbles: true }));
    await painted();
    expect((view.model.get("display") as { removed: number }).removed).toBe(0);
    expect(view.all(".tx-body .w.gone")).toHaveLength(1);
  });

  it("is not there without its curve", async () => {
    await show("table", {}, { curves: {} });
    expect(view.$(".jx-rem")).toBeNull();
  });
});
