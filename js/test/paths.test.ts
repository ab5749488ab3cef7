import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { readCurves } from "../src/curves";
import { readFrame } from "../src/estimate";
import { decider, foundFlip, nearestFlips, turningAlone } from "../src/flips";
import { guessOf } from "../src/guess";
import type { ColumnInfo, Curves, Frame, Geometry } from "../src/schema.gen";
import { revive } from "../src/standin";
import { column, type Plain, table } from "./fixtures";
import { type Mounted, mounted, painted, python } from "./mounted";

const golden = (name: string) =>
  JSON.parse(readFileSync(join(resolve(import.meta.dirname, "../../tests/golden"), `${name}.json`), "utf8")) as Plain;
const read = (name: string) => {
  const { frame, curves, geometry } = revive(golden(name)) as { frame: Frame; curves: Curves; geometry: Geometry };
  return { estimate: readFrame(frame), paths: readCurves(curves), geometry };
};

describe("what Python found by asking the model", () => {
  const duration = (table().geometry as { layout: { columns: ColumnInfo[] } }).layout.columns[2] as ColumnInfo;
  const purpose = (table().geometry as { layout: { columns: ColumnInfo[] } }).layout.columns[1] as ColumnInfo;

  it("is said as a flip", () => {
    const { paths } = read("table");
    expect(paths.flips.get(2)).toEqual({ value: 24, row: null });
    expect(foundFlip(2, duration, 36, paths.flips.get(2), 0)).toMatchObject({ value: 24, words: "\u2264 24 months" });
    expect(foundFlip(2, duration, 12, paths.flips.get(2), 0)?.words).toBe("\u2265 24 months");
    expect(foundFlip(2, duration, 24, paths.flips.get(2), 0)).toBeNull();
    expect(foundFlip(2, duration, null, paths.flips.get(2), 0)).toBeNull();
    expect(foundFlip(1, purpose, "car, used", { value: 0, row: null }, 0)?.words).toBe("to radio");
    expect(foundFlip(1, purpose, "car, used", { value: 0, row: 1 }, 0)).toBeNull();
    expect(foundFlip(1, purpose, "car, used", undefined, 0)).toBeNull();
  });

  it("is nearer the truth than the curve, which stands in where nothing was found", () => {
    const { estimate, paths, geometry } = read("table");
    const decide = decider(geometry, 0, 0);
    const none = { values: new Map() } as never;
    const scores = [...estimate.predictions];
    const open = { ...geometry, layout: { type: "columns", columns: [column("a", "1"), column("b", "2"), duration] } };
    const asked = nearestFlips(open as never, paths, none, decide, scores, 0);
    expect(asked?.map((flip) => flip.value)).toEqual([24]);
    const drawn = nearestFlips(open as never, paths, none, decide, scores);
    expect(drawn?.map((flip) => flip.feature)).toEqual([]); // this curve starts and ends on the same side
    expect(nearestFlips(open as never, { ...paths, flips: new Map() }, none, decide, scores, 0)).toEqual([]);
  });

  it("names the words without which alone the decision turns", () => {
    const { estimate, paths } = read("text");
    const scores = [...estimate.predictions];
    const side = (all: readonly number[]) => Number((all[0] as number) >= 0.68);
    const found = turningAlone(paths, side, scores) as number[];
    const values = estimate.values as Float32Array;
    expect(found.length).toBeGreaterThan(1);
    for (const feature of found) expect(0.793 - (values[feature] as number)).toBeLessThan(0.68);
    expect(turningAlone(paths, () => null, scores)).toBeNull();
    expect(turningAlone({ ...paths, presence: new Map() }, side, scores)).toBeNull();
  });

  it("lets an adjustment be foreseen, of this run alone", () => {
    const { estimate, paths, geometry } = read("image");
    const edit = { op: "adjust", kind: "brightness", amount: 0.8 } as const;
    const start = estimate.predictions[282] as number;
    const fresh = () => false;
    expect(guessOf(edit, estimate, geometry, paths, fresh)?.[282]).toBeCloseTo(0.2 * start, 3);
    expect(guessOf({ ...edit, amount: 0 }, estimate, geometry, paths, fresh)?.[282]).toBeCloseTo(start, 3);
    expect(guessOf(edit, estimate, geometry, paths, (thing) => thing === "brightness")).toBeNull();
    expect(guessOf({ op: "hide", pieces: [1] }, estimate, geometry, paths, fresh)).toBeNull();
    expect(guessOf(edit, null, geometry, paths, fresh)).toBeNull();
  });

  it("says nothing between two of many categories", () => {
    const { estimate, geometry } = read("table");
    const choices = ["a", "b", "c"];
    const town = column("town", "a", { choices, choice_names: choices });
    const shape = { ...geometry, layout: { type: "columns", columns: [town] } } as never;
    const path = { x: Float32Array.of(0, 2), y: [Float32Array.of(0.1, 0.3), Float32Array.of(0.9, 0.7)] };
    const paths = { ...readCurves(null), run: estimate.run, response: new Map([[0, path]]) };
    const to = (value: string) =>
      guessOf({ op: "set", feature: "town", value }, estimate, shape, paths, () => false)?.[0];
    expect(to("c")).toBeCloseTo(0.3);
    expect(to("b")).toBeUndefined();
  });
});

let view: Mounted;
const show = async (name: string, patch: Partial<Plain> = {}, options = {}) => {
  view = mounted({ ...golden(name), uid: name, ...patch }, options);
  await painted();
};

describe("in the view", () => {
  afterEach(() => view.close());

  it("a word that is pointed at says what its absence alone does, and a click on a flip strikes it", async () => {
    const state = golden("text");
    await show("text", { geometry: { ...(state.geometry as object), threshold: 0.32 } });
    expect(view.words(".jx-say")).toMatch(/To flip it, strike one: dull, (great|script)/);
    const dull = view.all(".tx-body .w").find((word) => word.textContent === "dull") as HTMLElement;
    dull.dispatchEvent(new Event("pointerover", { bubbles: true }));
    await painted();
    expect(view.words(".tx-key")).toContain("dull +0.157 ±0.008; struck alone 0.793 \u2192 0.636");
    view.$(".jx-say .lnk")?.click();
    await painted();
    const { edits } = view.model.get("request") as { edits: unknown[] };
    expect(edits).toEqual([{ op: "strike", positions: [Number(dull.dataset["unit"])] }]);
  });

  it("says if none does", async () => {
    await show("text");
    expect(view.words(".jx-say")).toMatch(/(No single word|None of the 40 largest words) flips it when taken away\./);
  });

  it("a piece says what hiding it alone does, and dials have the prediction as their groove", async () => {
    await show("image", { display: { target: 282 } });
    expect(view.words(".rdo")).toMatch(/largest: piece \d+ .*; hidden alone 0\.385 \u2192 0\.\d{3}/);
    const dial = view.$('input[aria-label="blur"]') as HTMLInputElement;
    expect(dial.closest(".jx-trk")?.querySelector("path.c")).not.toBeNull();
    dial.value = dial.max;
    dial.dispatchEvent(new Event("input", { bubbles: true }));
    await painted();
    expect(view.words('[aria-checked="true"] .v')).toBe("0.077");
    expect(dial.closest(".jx-trk")?.classList.contains("guess")).toBe(true);
  });

  it("dials say that their curves are of before a change, but for their own", async () => {
    const behind = () =>
      ["blur", "noise", "brightness", "contrast", "rotation"].filter(
        (kind) => view.$(`.jx-trk.behind input[aria-label="${kind}"]`) !== null,
      );
    view = mounted(golden("image"));
    await painted();
    const all = behind().length;
    expect([all, view.words(".im-c .hd.wrap")]).toEqual([0, expect.stringContaining("curve is the prediction")]);
    const brighter = { op: "adjust", kind: "brightness", amount: 0.2 };
    await python(view.model, "request", { edits: [brighter] });
    expect(behind()).not.toContain("brightness");
    expect(behind().length).toBeGreaterThan(0);
    expect(view.words(".im-c .hd.wrap")).toContain("dotted: before this change");
    await python(view.model, "request", { edits: [brighter, { op: "hide", pieces: [1] }] });
    expect(behind()).toContain("brightness");
    await python(view.model, "request", { edits: [] });
    expect(behind()).toEqual([]);
  });

  it("dials work in a saved page along their curves, and let go", async () => {
    await show("image", { display: { target: 282 } }, { live: false });
    const dial = view.$('input[aria-label="rotation"]') as HTMLInputElement;
    dial.value = "0";
    dial.dispatchEvent(new Event("input", { bubbles: true }));
    await painted();
    expect(view.words('[aria-checked="true"] .v')).toBe("0.077");
    dial.dispatchEvent(new Event("change", { bubbles: true }));
    await painted();
    expect(view.words('[aria-checked="true"] .v')).toBe("0.385");
  });
});
