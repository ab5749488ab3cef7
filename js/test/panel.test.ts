/** The panel of hyper-parameters: made from specs, moved, asked for once the hand rests. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { inputSettings, parseSetting, scaleOf, settingText, withSettings } from "../src/params";
import { asPython } from "../src/python";
import type { ParamInfo } from "../src/schema.gen";
import { image, type Plain, table, text } from "./fixtures";
import { type Mounted, mounted, painted, python } from "./mounted";

const info = (name: string, patch: Partial<ParamInfo> = {}): ParamInfo => ({
  name,
  label: name.replaceAll("_", " "),
  doc: `What ${name} does.`,
  control: "float",
  cost: "solve",
  part: "method",
  default: 0.5,
  auto: false,
  min: 0,
  max: 1,
  step: 0.01,
  scale: "linear",
  choices: [],
  ...patch,
});
const samples = info("n_samples", {
  control: "int",
  cost: "evaluate",
  default: "auto",
  auto: true,
  min: 2,
  max: 1e7,
  step: 1,
  scale: "log",
});
const HOSTILE = "<img src=x onerror=alert(1)>";
const specs = [
  samples,
  info("alpha"),
  info("kernel", {
    control: "choice",
    default: "exponential",
    choices: ["exponential", HOSTILE],
    label: HOSTILE,
    doc: HOSTILE,
  }),
  info("replace", { control: "bool", default: false }),
  info("mask_token", { control: "text", default: "", part: "input", cost: "rebuild", choices: ["[MASK]"] }),
];

describe("a slider's scale", () => {
  it("covers the range, ends included, and comes back to its step", () => {
    const patches: Partial<ParamInfo>[] = [
      {},
      { scale: "log", min: 0.001, max: 1e6 },
      { scale: "log", min: 0, max: 1e6 },
      { min: null, max: null },
      { control: "int", min: 1, max: 2000, step: 1 },
      { control: "int", min: 1, max: null, scale: "log", step: 1 },
    ];
    for (const patch of patches) {
      const one = info("x", patch);
      const scale = scaleOf(one, 1);
      if (one.min !== null) expect(scale.valueAt(0)).toBe(one.min);
      if (one.max !== null) expect(scale.valueAt(scale.last)).toBe(one.max);
      let before = Number.NEGATIVE_INFINITY;
      for (let step = 0; step <= scale.last; step++) {
        const value = scale.valueAt(step);
        expect(value).toBeGreaterThanOrEqual(before);
        if (one.control === "int") expect(Number.isInteger(value)).toBe(true);
        expect(Math.abs(scale.stepOf(value) - step), `${JSON.stringify(patch)} at ${step}`).toBeLessThanOrEqual(
          one.control === "int" ? 40 : 1,
        );
        before = value;
      }
    }
  });

  it("reads what people type, and refuses what cannot be", () => {
    expect(parseSetting("1,000", samples)).toBe(1000);
    expect(parseSetting("Auto", samples)).toBe("auto");
    expect([parseSetting("1.5", samples), parseSetting("1", samples), parseSetting("", samples)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(parseSetting("2", info("x"))).toBeUndefined();
    expect([settingText(samples, 5000), settingText(info("x"), 1e-7), settingText(info("x"), true)]).toEqual([
      "5,000",
      "1.00e-7",
      "on",
    ]);
  });
});

it("another cut forgets what was done to pieces, another method keeps how the input is cut", () => {
  const hide = { op: "hide" as const, pieces: [1] };
  const brush = { op: "brush" as const, points: [[1, 1]], width: 3 };
  const cut = info("n_segments", { default: 50 });
  const blur = { op: "adjust" as const, kind: "blur" as const, amount: 1 };
  expect(withSettings({ params: { a: 1 }, edits: [hide, blur, brush] }, { n_segments: 9 })).toEqual({
    params: { a: 1, n_segments: 9 },
    edits: [blur, brush],
  });
  // the same cut is not another one
  expect(withSettings({ edits: [hide] }, { n_segments: 50 }, [cut])).toEqual({ params: { n_segments: 50 } });
  expect(withSettings({ edits: [hide], params: { n_segments: 9 } }, { n_segments: 50 }, [cut]).edits).toEqual([]);
  expect(withSettings({ edits: [hide] }, { alpha: 1 })).toEqual({ params: { alpha: 1 } });
  expect(inputSettings(specs, { alpha: 1, mask_token: "[MASK]" })).toEqual({ mask_token: "[MASK]" });
});

it("is copied as Python with the changes", () => {
  const edit = { op: "strike" as const, positions: [1] };
  expect(asPython([edit], { method: "lime", params: { alpha: 0.5, replace: true } })).toBe(
    'view.update("lime", alpha=0.5, replace=True)\nedits = [\n    {"op": "strike", "positions": [1]},\n]\nview.what_if(edits)\n',
  );
  expect(asPython([], { method: "lime" })).toBe('view.update("lime")\n');
});

let view: Mounted;
afterEach(() => view?.close());
const show = async (patch: Partial<Plain> = {}, options = {}) => {
  const base = table();
  view = mounted({ ...base, geometry: { ...(base.geometry as object), params: specs }, ...patch }, options);
  await painted();
  const details = view.$(".jx-panel") as HTMLDetailsElement | null;
  if (!details) return;
  details.open = true;
  details.dispatchEvent(new Event("toggle"));
  await painted();
};
const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const slider = (label: string) => view.$(`.jx-panel input[type=range][aria-label="${label}"]`) as HTMLInputElement;
const move = (label: string, step: number) => {
  slider(label).value = String(step);
  slider(label).dispatchEvent(new Event("input", { bubbles: true }));
};
const asked = () => (view.model.get("request") as { params?: object }).params;

describe("the panel", () => {
  it("has one control a spec, with its label and what it does, as text", async () => {
    await show();
    expect(view.all(".pn-r")).toHaveLength(specs.length);
    expect(view.root.querySelector("img")).toBeNull();
    expect(view.words(".jx-panel")).toContain("What alpha does.");
    expect((view.$(".jx-panel select") as HTMLSelectElement).value).toBe("exponential");
    const described = slider("alpha").closest(".pn-r")?.querySelector("[aria-describedby]");
    const id = described?.getAttribute("aria-describedby") as string;
    expect(document.getElementById(id)?.textContent).toBe("What alpha does.");
  });

  it("many moves are one request, the last", async () => {
    await show();
    for (const step of [60, 70, 80]) move("alpha", step);
    await painted();
    expect(slider("alpha").getAttribute("aria-valuetext")).toBe("0.8");
    await later(100);
    expect(asked()).toEqual({ alpha: 0.8 });
    await later(300);
    move("n samples", 100);
    move("alpha", 20);
    await later(450);
    expect(asked()).toEqual({ alpha: 0.2, n_samples: scaleOf(samples, 2).valueAt(100) });
  });

  it("switches, chooses, types; automatic again; all back", async () => {
    await show({ frame: { ...(table().frame as object), params: { n_samples: 5000 } } });
    expect(slider("n samples").getAttribute("aria-valuetext")).toBe("auto, 5,000");
    view.$(".jx-panel [role=switch]")?.click();
    const choice = view.$(".jx-panel select") as HTMLSelectElement;
    choice.value = HOSTILE;
    choice.dispatchEvent(new Event("change", { bubbles: true }));
    const field = view.$('.jx-panel input[aria-label="mask token"]') as HTMLInputElement;
    field.value = "[MASK]";
    field.dispatchEvent(new Event("input", { bubbles: true }));
    await painted();
    field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
    await later(650);
    expect(asked()).toEqual({ replace: true, kernel: HOSTILE, mask_token: "[MASK]" });
    expect(view.words(".jx-panel summary")).toBe("Settings3 changed");
    const copy = view.all(".jx-hands button").find((button) => button.textContent === "Copy as Python");
    const written = vi.fn(async () => {});
    vi.stubGlobal("navigator", { clipboard: { writeText: written } });
    copy?.click();
    await painted();
    expect(written).toHaveBeenCalledWith(expect.stringContaining('view.update(replace=True, kernel="<img'));
    expect(copy?.textContent).toBe("Copied");
    vi.unstubAllGlobals();
    view.all(".jx-panel > .btn")[0]?.click();
    await painted();
    expect(asked()).toEqual({});
    view.$('.jx-panel [aria-label="auto: n samples"]')?.click();
    await later(400);
    expect(asked()).toEqual({ n_samples: 5000 });
  });

  it("shows another cut before anything is explained with it", async () => {
    const count = info("n_segments", {
      control: "int",
      part: "input",
      cost: "rebuild",
      default: 50,
      min: 1,
      max: 400,
      step: 1,
    });
    const base = image();
    await show({ ...base, geometry: { ...(base.geometry as object), params: [count] } });
    const sent = () => view.model.sent.filter((message) => (message as { type: string }).type === "picture");
    move("n segments", 79);
    await painted();
    expect(sent().at(-1)).toMatchObject({ edits: [], params: { n_segments: 80 } });
    await later(600);
    expect(asked()).toBeUndefined();
    slider("n segments").dispatchEvent(new Event("change", { bubbles: true }));
    await later(650);
    expect(asked()).toEqual({ n_segments: 80 });
  });

  it("says what another cut takes back, whoever cuts, until something else is changed", async () => {
    const count = info("n_segments", {
      control: "int",
      part: "input",
      cost: "rebuild",
      default: 50,
      max: 400,
      step: 1,
    });
    const base = image();
    const edits = [
      { op: "hide" as const, pieces: [0, 2] },
      { op: "adjust" as const, kind: "blur" as const, amount: 1 },
    ];
    await show({ ...base, geometry: { ...(base.geometry as object), params: [count] }, request: { edits } });
    expect(view.words(".jx-hands")).not.toContain("Cut anew");
    move("n segments", 79);
    slider("n segments").dispatchEvent(new Event("change", { bubbles: true }));
    await later(650);
    expect((view.model.get("request") as { edits: unknown[] }).edits).toEqual([edits[1]]);
    expect(view.words(".jx-hands [role=alert]")).toBe("Cut anew: 2 hidden pieces put back.");
    view.all(".jx-hands button")[0]?.click();
    await painted();
    expect(view.$(".jx-hands [role=alert]")).toBeNull();
    // Python cuts a text anew
    view.close();
    const struck = {
      edits: [
        { op: "strike" as const, positions: [0] },
        { op: "insert" as const, position: 1, text: "x" },
      ],
    };
    view = mounted(text("a dull film", [[0, 1], [2, 6], [7, 11]], [0.1, 0.2, 0.3], { request: struck })); // biome-ignore format: spans
    await painted();
    await python(view.model, "request", { edits: [], params: { split: "sentence" } });
    expect(view.words(".jx-hands [role=alert]")).toBe("Cut anew: 2 changed words put back.");
  });

  it("is not there in a saved page, and a method that does not apply says why", async () => {
    await show({}, { live: false });
    expect(view.$(".jx-panel")).toBeNull();
    view.close();
    await show();
    expect(view.words(".jx-meta select")).toContain("DeepLIFT: needs a torch network");
    const method = view.$(".jx-meta select") as HTMLSelectElement;
    method.value = "lime";
    method.dispatchEvent(new Event("change", { bubbles: true }));
    expect(view.model.get("request")).toEqual({ method: "lime", params: {} });
  });
});
