/** Several changes at once: whose curves are of another instance by now, and what is not read off them. */
import { afterEach, describe, expect, it } from "vitest";
import { curvesOf, readCurves } from "../src/curves";
import { differing, readEdits } from "../src/edits";
import type { Curves, Edit } from "../src/schema.gen";
import { revive } from "../src/standin";
import { floats, frame, geometry, packed, table } from "./fixtures";
import { type Mounted, mounted, painted, python } from "./mounted";

const HALF: Record<number, number> = { 0: 0, 0.5: 0x3800, 1: 0x3c00, [-1]: 0xbc00, [-0.5]: 0xb800 };
const halves = (...values: number[]) => packed(new Uint16Array(values.map((value) => HALF[value] as number)));

/** bad credit by duration: 0.25 at 4, 0.5 at 36, 0.75 at 72; by purpose: `radio` and `car`, -1 to 1 about 0.5. */
const curves = (run: number, edits: Edit[], radio: number, car: number) => ({
  schema: 1,
  run,
  rows: 5,
  edits,
  targets: [0, 1],
  unit: "probability",
  curves: [
    {
      ...{ kind: "response", feature: 2, points: 3, offset: 0.5, scale: 0.25 },
      ...{ x: floats(4, 36, 72), y: halves(-1, 0, 1, 1, 0, -1) },
    },
    {
      ...{ kind: "response", feature: 1, points: 2, offset: 0.5, scale: 0.25 },
      ...{ x: floats(0, 1), y: halves(radio, car, -radio, -car) },
    },
  ],
});
const longer: Edit = { op: "set", feature: "duration", value: 72 };

describe("what differs", () => {
  it("is named by column and adjustment, all else as one", () => {
    const between = (one: Edit[], other: Edit[]) => [...differing(readEdits(one), readEdits(other))].sort();
    expect(between([longer], [longer])).toEqual([]);
    expect(between([{ ...longer, value: 4 }, longer], [longer])).toEqual([]);
    expect(between([longer], [])).toEqual(["duration"]);
    expect(between([{ ...longer, value: null }], [])).toEqual(["duration"]);
    expect(between([], [{ op: "adjust", kind: "blur", amount: 2 }])).toEqual(["blur"]);
    expect(between([{ op: "hide", pieces: [1] }], [])).toEqual([""]);
    expect(between([{ op: "strike", positions: [1] }], [longer])).toEqual(["", "duration"]);
  });
});

describe("curves of other outputs", () => {
  const sent = revive(curves(1, [], 1, -1)) as Curves;
  const of = (targets: number[], unit = "probability") => {
    const found = curvesOf(sent, readCurves(sent), targets, unit).response.get(1);
    return found?.y.map((line) => [...line]);
  };

  it("are those of the explained outputs, in their order and unit, or none", () => {
    expect(of([0, 1])).toEqual([
      [0.75, 0.25],
      [0.25, 0.75],
    ]);
    expect(of([1, 0])).toBeUndefined();
    expect(of([1])).toBeUndefined();
    expect(of([0, 2])).toBeUndefined();
    expect(of([0, 1], "logit")).toBeUndefined();
  });
});

let view: Mounted;
afterEach(() => view?.close());
const slider = (name: string) => view.$(`.jx-trk input[aria-label="${name}"]`) as HTMLInputElement;
const groove = (name: string) => slider(name).closest<HTMLElement>(".jx-trk") as HTMLElement;
const line = (name: string) => groove(name).querySelector("path.c")?.getAttribute("d");
const event = async (name: string, type: string, step?: number) => {
  if (step !== undefined) slider(name).value = String(step);
  slider(name).dispatchEvent(new Event(type, { bubbles: true }));
  await painted();
};
const behind = () => ["purpose", "duration"].filter((name) => groove(name).classList.contains("behind"));

describe("a second change", () => {
  it("curves of what was before it are dotted, turn nothing and foretell nothing, until Python sends new ones", async () => {
    view = mounted(table({ curves: curves(1, [], 1, -1) }));
    await painted();
    expect(behind()).toEqual([]);
    const before = line("purpose");
    expect(groove("purpose").querySelectorAll("rect.z")).toHaveLength(1);

    await event("duration", "input", 68);
    expect(behind()).toEqual(["purpose"]);
    expect(view.words(".th-trk")).toContain("dotted: before this change");
    expect(groove("purpose").querySelectorAll("rect.z")).toHaveLength(0);
    expect(groove("duration").querySelectorAll("rect.z")).toHaveLength(1);
    // the sentence stands still under a moving hand
    const sentence = view.words(".jx-say");
    expect(sentence).toContain("duration \u2264");
    await event("duration", "input", 60);
    expect(view.words(".jx-say")).toBe(sentence);
    await event("duration", "input", 68);
    await event("duration", "change");
    expect(behind()).toEqual(["purpose"]);
    expect(view.words(".jx-say")).toContain("duration \u2264 35 months.");
    expect(view.words(".jx-say")).not.toContain("to radio");

    // the second change comes before the answer to the first: no number of another row is shown for it
    const told = view.words('[aria-checked="true"] .v');
    await event("purpose", "input", 0);
    expect(view.words('[aria-checked="true"] .v')).toBe(told);
    expect(behind()).toEqual(["purpose", "duration"]);
    await event("purpose", "change");
    expect(view.words(".jx-say")).not.toContain("flip");

    // the estimate is there first, its curves follow
    const edits = (view.model.get("request") as { edits: Edit[] }).edits;
    expect(edits).toHaveLength(2);
    const { frame: first } = table() as unknown as { frame: Record<string, unknown> };
    const edited = { ...first, run: 2, predictions: floats(0.75, 0.25), original: floats(0.635, 0.365) };
    await python(view.model, "frame", revive(edited));
    expect(behind()).toEqual(["purpose", "duration"]);
    expect(line("purpose")).toBe(before);
    await python(view.model, "curves", revive(curves(2, edits, 0.5, 1)));
    expect(behind()).toEqual([]);
    expect(view.words(".th-trk")).not.toContain("dotted");
    expect(line("purpose")).not.toBe(before);
    // and are read again
    await event("purpose", "input", 1);
    expect(view.words('[aria-checked="true"] .v')).toBe("0.750");
    expect(behind()).toEqual(["duration"]);
  });

  it("of the same thing leaves its own curve true", async () => {
    view = mounted(table({ curves: curves(1, [], 1, -1) }));
    await painted();
    await event("duration", "input", 68);
    await event("duration", "change");
    const { frame: first } = table() as unknown as { frame: Record<string, unknown> };
    await python(view.model, "frame", revive({ ...first, run: 2, predictions: floats(0.75, 0.25) }));
    await event("duration", "input", 0);
    expect(view.words('[aria-checked="true"] .v')).toBe("0.250");
    expect(view.$('[aria-checked="true"] .guess')).not.toBeNull();
  });

  it("a saved page marks them while the hand holds on", async () => {
    view = mounted(table({ curves: curves(1, [], 1, -1) }), { live: false });
    await painted();
    await event("duration", "input", 0);
    expect(behind()).toEqual(["purpose"]);
    await event("duration", "change");
    expect(behind()).toEqual([]);
  });
});

it("another chosen output never wears the curve of the one in whose place it came", async () => {
  const names = ["a", "b", "c"];
  const shape = geometry((table().geometry as { layout: unknown }).layout, {
    ...{ output_names: names, n_outputs: 3, threshold: null },
  });
  const of = (targets: number[], run: number) =>
    frame({
      ...{ run, targets, target_names: targets.map((at) => names[at]), n_features: 4 },
      ...{ values: floats(...Array.from({ length: 8 }, () => 0.1)), predictions: floats(0.6, 0.3, 0.1) },
    });
  view = mounted(table({ geometry: shape, frame: of([0, 1], 1), curves: curves(1, [], 1, -1) }));
  await painted();
  expect(line("duration")).toBeTruthy();
  await python(view.model, "frame", revive(of([0, 2], 2)));
  await python(view.model, "display", { target: 2 });
  expect(groove("duration").querySelector("path.c, rect.z")).toBeNull();
});
