import { afterEach, describe, expect, it } from "vitest";
import { status } from "./fixtures";
import { type Mounted, mounted, painted, python } from "./mounted";

const cell = (
  mean: number | null,
  half: number | null,
  behind: number | null = null,
  behind_half: number | null = null,
) => {
  return { mean, half, n: mean === null ? 0 : 12, behind, behind_half };
};

const summary = (patch: object = {}) => ({
  schema: 1,
  run: 1,
  methods: [
    { label: "KernelSHAP", seconds: 0.25, why_not: "" },
    { label: "<b>LIME</b>", seconds: 0.5, why_not: "" },
    { label: "Grad-CAM", seconds: null, why_not: "Grad-CAM explains image inputs, not a table." },
  ],
  metrics: [
    {
      name: "infidelity",
      better: "lower",
      unit: "",
      best: 0,
      winner: 0,
      own: "on removals like those that KernelSHAP is fitted to",
      cells: [cell(0.1, 0.02), cell(0.3, 0.05, 0.2, 0.04), cell(null, null)],
      said: "",
    },
    {
      name: "deletion area",
      better: "lower",
      unit: "probability",
      best: 1,
      winner: -1,
      own: "",
      cells: [cell(0.5, 0.1, 0.01, 0.04), cell(0.49, 0.1), cell(null, null)],
      said: "",
    },
  ],
  rows: 12,
  verdict: "KernelSHAP is preferable in infidelity.",
  random_state: 3,
  notices: ["Grad-CAM: Grad-CAM explains image inputs, not a table."],
  ...patch,
});

const state = (given: object, more: object = {}) =>
  ({
    uid: "sum",
    geometry: {},
    frame: {},
    curves: {},
    display: {},
    request: {},
    status: status({ rows: 12, total: 12 }),
    summary: given,
    ...more,
  }) as never;

let view: Mounted | undefined;
afterEach(() => view?.close());

describe("methods over many rows", () => {
  it("a table a metric, a line a method that explained something, and who is behind", async () => {
    view = mounted(state(summary()));
    await painted();
    const [infidelity, deletion] = view.all(".sm-t");
    expect([...(infidelity?.querySelectorAll("tbody th") ?? [])].map((each) => each.textContent)).toEqual([
      "KernelSHAP",
      "<b>LIME</b>",
    ]);
    expect(infidelity?.querySelector(".win")?.textContent).toContain("better than all");
    expect(infidelity?.textContent).toContain("+0.200 \u00b10.0400");
    expect(infidelity?.querySelector("caption")?.textContent).toContain("own ground");
    expect(infidelity?.querySelectorAll(".hollow").length).toBe(0);
    // an interval that includes zero: no winner, and the dot is hollow
    expect(deletion?.querySelector(".win")).toBeNull();
    expect(deletion?.textContent).toContain("best mean");
    expect(deletion?.querySelectorAll(".hollow").length).toBe(1);
    expect(view.words(".jx-say")).toBe("KernelSHAP is preferable in infidelity.");
    expect(view.root.textContent).toContain("explains image inputs");
    expect(view.root.getAttribute("aria-label")).toContain("many predictions");
  });

  it("fills row by row, Stop is at hand, and a saved page still shows it", async () => {
    const running = status({ state: "running", rows: 3, total: 12 });
    view = mounted(state(summary({ methods: [], metrics: [], rows: 0, verdict: "" }), { status: running }));
    await painted();
    expect(view.words(".jx-msg")).toContain("first row");
    await python(view.model, "summary", summary({ rows: 4 }));
    expect(view.all(".sm-t").length).toBe(2);
    expect(view.words(".jx-state")).toContain("3 of 12 rows");
    view.$(".jx-meta .btn")?.click();
    expect(view.model.sent.map((message) => (message as { type: string }).type)).toContain("stop");
    view.close();
    view = mounted(state(summary()), { live: false });
    await painted();
    expect(view.all(".sm-t").length).toBe(2);
    expect(view.words(".jx-state")).toContain("saved");
  });

  it("says why a metric has no number", async () => {
    const none = {
      ...summary().metrics[0],
      winner: -1,
      best: -1,
      cells: [cell(null, null), cell(null, null), cell(null, null)],
      said: "The model is constant here.",
    };
    view = mounted(state(summary({ metrics: [none] })));
    await painted();
    expect(view.words(".sm-t caption")).toContain("The model is constant here.");
    expect(view.all(".sm-i").length).toBe(0);
  });
});
