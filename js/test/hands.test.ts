import { afterEach, describe, expect, it } from "vitest";
import { domainOf, parseValue, valueText } from "../src/columns";
import { heightAt, readCurves } from "../src/curves";
import { decider, flipOf, zonesOf } from "../src/flips";
import { asPython } from "../src/python";
import type { ColumnInfo, Curves, Geometry } from "../src/schema.gen";
import { revive } from "../src/standin";
import { column, floats, type Plain, packed, table } from "./fixtures";
import { type Mounted, mounted, painted, python } from "./mounted";

const half = (value: number) => ({ 0: 0, 0.5: 0x3800, 1: 0x3c00, [-1]: 0xbc00, [-0.5]: 0xb800 })[value] as number;
const halves = (...values: number[]) => packed(new Uint16Array(values.map(half)));

/** bad credit by duration: 0.25 at 4, 0.5 at 36, 0.75 at 72; by purpose: 0.75 for a radio, 0.25 for a car. */
const curves = {
  schema: 1,
  run: 1,
  curves: [
    {
      kind: "response",
      feature: 2,
      points: 3,
      x: floats(4, 36, 72),
      y: halves(-1, 0, 1, 1, 0, -1),
      offset: 0.5,
      scale: 0.25,
    },
    { kind: "response", feature: 1, points: 2, x: floats(0, 1), y: halves(1, -1, -1, 1), offset: 0.5, scale: 0.25 },
  ],
};
const paths = readCurves(revive(curves) as Curves);
const columns = () => (table().geometry as { layout: { columns: ColumnInfo[] } }).layout.columns;
const [, purpose, duration] = columns() as [ColumnInfo, ColumnInfo, ColumnInfo];
const path = (feature: number) => paths.response.get(feature) as NonNullable<ReturnType<typeof paths.response.get>>;

describe("values", () => {
  it("are read as people write them", () => {
    expect(parseValue("1,200", duration)).toBe(1200);
    expect(parseValue("\u22123.5", duration)).toBe(-3.5);
    expect(parseValue("-1,234,567.5", duration)).toBe(-1234567.5);
    // half of the world writes three and a half like this: thirty-five is not what they mean
    expect(parseValue("3,5", duration)).toBeUndefined();
    expect(parseValue("1,20", duration)).toBeUndefined();
    expect(parseValue("soon", duration)).toBeUndefined();
    expect(parseValue("NaN", duration)).toBeNull();
    expect(parseValue("", duration)).toBeNull();
    expect(parseValue("radio", purpose)).toBe("radio");
    expect(parseValue("boat", purpose)).toBeUndefined();
    expect(valueText(-3.25, duration)).toBe("\u22123.25");
  });

  it("have steps and places", () => {
    const months = domainOf(duration, 36);
    expect([months?.last, months?.stepOf(36), months?.valueAt(68)]).toEqual([68, 32, 72]);
    expect(domainOf(duration, 100)?.valueAt(1e9)).toBe(100);
    const kinds = domainOf(purpose, "radio");
    expect([kinds?.last, kinds?.stepOf("car, used"), kinds?.placeOf("radio")]).toEqual([1, 1, 0.25]);
    const odd = domainOf(column("x", "1", { kind: "number", raw: 1, low: 0.001, high: 1.234 }) as ColumnInfo, 1);
    expect(odd?.valueAt(100)).toBe(0.618);
    expect(domainOf(column("free", "text") as ColumnInfo, "text")).toBeNull();
  });
});

describe("curves", () => {
  it("are read, row by output", () => {
    expect([...(path(2).y[0] ?? [])]).toEqual([0.25, 0.5, 0.75]);
    expect([...(path(2).y[1] ?? [])]).toEqual([0.75, 0.5, 0.25]);
    expect(heightAt(path(2).x, path(2).y[0] ?? [], 20)).toBeCloseTo(0.375);
  });

  it("say where the decision turns, and the nearest way there", () => {
    const shape = revive(table().geometry) as Geometry;
    const decide = decider(shape, 0, 0);
    const now = decide([0.6, 0.4]);
    const months = domainOf(duration, 36);
    const [zone] = zonesOf(path(2), months as never, decide, now);
    expect(zone?.[0]).toBe(0);
    expect(zone?.[1]).toBeCloseTo(32 / 68, 4);
    expect(flipOf(2, duration, 48, path(2), decide, now)).toMatchObject({ value: 35, words: "\u2264 35 months" });
    expect(flipOf(1, purpose, "radio", path(1), decide, now)).toMatchObject({
      value: "car, used",
      words: "to car, used",
    });
    expect(flipOf(1, purpose, "radio", path(1), () => null, null)).toBeNull();
  });
});

it("changes are copied as Python that runs", () => {
  const set = (feature: string, value: never) => ({ op: "set" as const, feature, value });
  expect(asPython([set("a", 1 as never), set("a", 2 as never), set('b"', null as never)])).toBe(
    'changes = {"a": 2, "b\\"": None}\nview.what_if(changes)\n',
  );
  expect(asPython([{ op: "strike", positions: [1, 2] }])).toBe(
    'edits = [\n    {"op": "strike", "positions": [1, 2]},\n]\nview.what_if(edits)\n',
  );
  // run by Python's tests
  expect(
    asPython([
      {
        op: "brush",
        points: [
          [2, 2],
          [12.5, 5],
        ],
        width: 4,
      },
    ]),
  ).toBe('edits = [\n    {"op": "brush", "points": [[2, 2], [12.5, 5]], "width": 4},\n]\nview.what_if(edits)\n');
  expect(asPython([])).toBe("view.what_if.reset()\n");
});

let view: Mounted;
const show = async (patch: Partial<Plain> = {}, options = {}) => {
  view = mounted(table({ curves, ...patch }), options);
  await painted();
};
afterEach(() => view?.close());
const slider = (name: string) => view.$(`.jx-trk input[aria-label="${name}"]`) as HTMLInputElement;
const drag = async (name: string, step: number) => {
  slider(name).value = String(step);
  slider(name).dispatchEvent(new Event("input", { bubbles: true }));
  await painted();
};
const sent = (type: string) => view.model.sent.filter((message) => (message as { type: string }).type === type);

describe("a row", () => {
  it("moves with the hand: value, dot, prediction from the curve, then the model's own", async () => {
    await show();
    expect(slider("duration").getAttribute("aria-valuetext")).toBe("36 months, probability 0.635");
    await drag("duration", 68);
    expect((view.$('.jx-val input[aria-label="duration"]') as HTMLInputElement).value).toBe("72");
    expect(view.words(".jx-val.moved")).toContain("was 36");
    expect(view.words('[aria-checked="true"]')).toContain("0.750");
    expect(view.words('[aria-checked="true"]')).toContain("was 0.635");
    expect(view.$(".jx-trk.guess")).not.toBeNull();
    expect(view.$('[aria-checked="true"] .v .guess')).not.toBeNull();
    const [preview] = sent("preview") as [{ id: number; edits: unknown }];
    expect(preview.edits).toEqual([{ op: "set", feature: "duration", value: 72 }]);
    view.model.emit("msg:custom", { type: "preview", id: preview.id, predictions: [0.7, 0.3] }, []);
    await painted();
    expect(view.words('[aria-checked="true"]')).toContain("0.700");
    expect(view.$(".jx-trk.guess")).toBeNull();
    expect(view.$(".jx-outs .guess")).toBeNull();
    expect(view.model.get("request")).toEqual({});
    slider("duration").dispatchEvent(new Event("change", { bubbles: true }));
    expect(view.model.get("request")).toEqual({ edits: [{ op: "set", feature: "duration", value: 72 }] });
  });

  it("that reached out to a value beyond its range is as wide as before while it is dragged back", async () => {
    await show({ request: { edits: [{ op: "set", feature: "duration", value: 140 }] } });
    expect([slider("duration").max, slider("duration").value]).toEqual(["136", "136"]);
    await drag("duration", 100);
    expect([slider("duration").max, slider("duration").value]).toEqual(["136", "100"]);
    await drag("duration", 30);
    expect([slider("duration").max, slider("duration").value]).toEqual(["136", "30"]);
    slider("duration").dispatchEvent(new Event("change", { bubbles: true }));
    await painted();
    expect([slider("duration").max, slider("duration").value]).toEqual(["68", "30"]);
    expect((view.model.get("request") as { edits: unknown[] }).edits.at(-1)).toMatchObject({ value: 34 });
  });

  it("has whole steps and both ends, whatever was typed into it", async () => {
    await show({ request: { edits: [{ op: "set", feature: "duration", value: 80.5 }] } });
    expect([slider("duration").max, slider("duration").value]).toEqual(["77", "77"]);
    expect(slider("duration").getAttribute("aria-valuetext")).toContain("80.5 months");
  });

  it("points on where its weight is beyond the scale of the original", async () => {
    await show();
    expect(view.$(".jx-bar .far")).toBeNull();
    const weights = [1.5, -0.9, 0.134, 0.012];
    await python(
      view.model,
      "frame",
      revive({
        ...(table().frame as object),
        run: 2,
        original: floats(0.635, 0.365),
        values: floats(...weights, ...weights.map((value) => -value)),
        std_errors: undefined,
      }),
    );
    const bars = view.all(".jx-row:not(.th) .b");
    expect(bars.map((bar) => bar.className)).toEqual(["b pos far", "b neg far", "b pos", "b pos"]);
    expect(bars.map((bar) => Number.parseFloat(bar.style.width).toFixed(1)).slice(0, 3)).toEqual([
      "50.0",
      "50.0",
      "33.5",
    ]);
    expect(view.words(".jx-ax .to")).toBe("+0.20");
    expect(view.words(".jx-row:not(.th) .num")).toBe("+1.500");
  });

  it("is typed into, chosen and undone", async () => {
    await show();
    const field = view.$('.jx-val input[aria-label="duration"]') as HTMLInputElement;
    field.value = "12";
    field.dispatchEvent(new Event("input", { bubbles: true }));
    await painted();
    field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
    await painted();
    const choice = view.$('.jx-val select[aria-label="purpose"]') as HTMLSelectElement;
    choice.value = "0";
    choice.dispatchEvent(new Event("change", { bubbles: true }));
    await painted();
    expect(view.model.get("request")).toEqual({
      edits: [
        { op: "set", feature: "duration", value: 12 },
        { op: "set", feature: "purpose", value: "radio" },
      ],
    });
    const [undo, redo, reset] = view.all(".jx-hands button");
    undo?.click();
    await painted();
    expect((view.model.get("request") as { edits: unknown[] }).edits).toHaveLength(1);
    redo?.click();
    await painted();
    expect((view.model.get("request") as { edits: unknown[] }).edits).toHaveLength(2);
    reset?.click();
    await painted();
    expect(view.model.get("request")).toEqual({ edits: [] });
    expect(view.$(".jx-val.moved")).toBeNull();
  });

  it("names the nearest flips, each one click to try; F and Backspace go there and back", async () => {
    await show();
    expect(view.words(".jx-say")).toContain("To flip it: duration \u2264 35 months.");
    view.$(".jx-say .lnk")?.click();
    await painted();
    expect(view.model.get("request")).toEqual({ edits: [{ op: "set", feature: "duration", value: 35 }] });
    slider("duration").dispatchEvent(new KeyboardEvent("keydown", { key: "Backspace", bubbles: true }));
    await painted();
    expect(view.$(".jx-val.moved")).toBeNull();
  });

  it("in a saved page follows its curve and lets go", async () => {
    await show({}, { live: false });
    expect(view.$(".jx-val input")).toBeNull();
    await drag("duration", 0);
    expect(view.words('[aria-checked="true"]')).toContain("0.250");
    slider("duration").dispatchEvent(new Event("change", { bubbles: true }));
    await painted();
    expect(view.words('[aria-checked="true"]')).toContain("0.635");
    expect(view.model.sent.filter((message) => (message as { type: string }).type !== "hello")).toEqual([]);
  });

  it("takes what a user named a column for text", async () => {
    const name = "<img src=x onerror=alert(1)>";
    const layout = {
      type: "columns",
      columns: [column(name, name, { choices: [name, "b"], choice_names: [name, "b"] })],
    };
    const shape = { ...(table().geometry as object), layout };
    await show({
      geometry: shape,
      curves: {},
      frame: { ...(table().frame as object), n_features: 1, values: floats(1, -1) },
    });
    expect(view.root.querySelector("img")).toBeNull();
    expect(view.words("[role=rowheader]")).toContain("<img");
  });
});
