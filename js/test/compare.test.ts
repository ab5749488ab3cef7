import { afterEach, describe, expect, it } from "vitest";
import { columnsOf, endsOf, orderBy } from "../src/board";
import type { Board } from "../src/schema.gen";
import { revive } from "../src/standin";
import { floats, packed } from "./fixtures";
import { type Mounted, mounted, painted, python } from "./mounted";

const halves = (...values: number[]) => packed(new Uint16Array(values));
const ONE = 0x3c00;
const MINUS = 0xbc00;

function removal(kind: "removal" | "random_removal") {
  const info = { kind, feature: null, points: 2, x: floats(0, 3), y: halves(ONE, MINUS), offset: 0.5, scale: 0.3 };
  return kind === "removal" ? { ...info, order: 0 } : { ...info, band: halves(ONE, MINUS, ONE, MINUS) };
}

const metric = (name: string, value: number | null, half: number | null = null) => ({
  name,
  value,
  half,
  unit: "",
  better: "lower",
  said: value === null ? "it adds up to nothing" : "",
});

function column(label: string, values: number[], patch: object = {}) {
  return {
    label,
    state: "done",
    why_not: "",
    unit: "",
    notes: ["adds up exactly"],
    seconds: 0.25,
    rows: 1200,
    values: floats(...values),
    curves: [removal("removal"), removal("random_removal")],
    metrics: [[metric("deletion area", 0.3), metric("completeness gap", null)]],
    ...patch,
  };
}

const board = (patch: object = {}) => ({
  schema: 1,
  names: ["duration", "<b>age</b>", "purpose"],
  values: ["36", "24", "car"],
  things: "features",
  output_names: ["bad"],
  predictions: [0.635],
  output_unit: "probability",
  reason: "All methods explain the probability.",
  verdict: "The model bears out no single method most.",
  random_state: 7,
  columns: [
    column("KernelSHAP", [0.1, -0.3, 0.2]),
    column("LIME", [0.3, -0.1, 0.2], { std_errors: floats(0.01, 0.2, 0.01) }),
    column("Saliency", [5, 1, 0], { unit: "per unit of the input" }),
    {
      ...column("Grad-CAM", []),
      state: "failed",
      why_not: "Grad-CAM explains image inputs.",
      values: undefined,
      curves: [],
      metrics: [[]],
    },
  ],
  pairs: [{ one: 0, other: 1, rank: [0.5], top: [null], sign: [1] }],
  notices: [],
  ...patch,
});

const state = (given: object) =>
  ({ uid: "cmp", geometry: {}, frame: {}, curves: {}, display: {}, request: {}, status: {}, board: given }) as never;

let view: Mounted | undefined;
afterEach(() => view?.close());
const rows = () => view?.all(".cp [role=rowheader]").map((row) => row.textContent?.trim()) ?? [];

describe("a board", () => {
  const read = revive(board()) as Board;

  it("has one scale for all methods of one unit, and one of its own for another", () => {
    const ends = endsOf(columnsOf(read, 0));
    expect(ends[0]).toBe(ends[1]);
    expect(ends[2]).toBe(5);
  });

  it("orders features by size", () => {
    expect(orderBy(new Float32Array([0.1, -0.3, 0.2]), 3)).toEqual([1, 2, 0]);
    expect(orderBy(null, 3)).toEqual([0, 1, 2]);
  });
});

describe("methods side by side", () => {
  it("share one order, which any of them may give", async () => {
    view = mounted(state(board()));
    await painted();
    expect(rows()).toEqual(["<b>age</b> 24", "purpose car", "duration 36"]);
    const heads = view.all(".cp-h button");
    expect(heads.map((head) => head.textContent)).toEqual(["KernelSHAP", "LIME", "Saliency", "Grad-CAM"]);
    heads[1]?.click();
    await painted();
    expect(rows()).toEqual(["duration 36", "purpose car", "<b>age</b> 24"]);
    expect(view.all("[role=columnheader][aria-sort=descending]").length).toBe(1);
    expect(view.$(".cp b b")).toBeNull();
  });

  it("say the verdict, who cannot and why, agreement, and what has no number", async () => {
    view = mounted(state(board()));
    await painted();
    expect(view.words(".jx-say")).toBe("The model bears out no single method most.");
    expect(view.words(".cp .why")).toBe("Grad-CAM explains image inputs.");
    expect(view.words(".cp-t")).toContain("KernelSHAP, LIME 0.50\u2026 1.00".replace(" 1", "1").replace("E ", "E"));
    expect(view.$('.cp-m td [title="it adds up to nothing"]')?.textContent).toBe("none");
    expect(view.all(".cp-c path").length).toBe(5);
    expect(view.words(".jx-state")).toContain("4 methods \u00b7 seed 7");
  });

  it("draws an uncertain weight hollow", async () => {
    view = mounted(state(board()));
    await painted();
    expect(view.all(".cp .jx-bar.hollow").length).toBe(1);
  });

  it("fill as they come, and Stop is at hand", async () => {
    const status = {
      schema: 1,
      run: 1,
      state: "running",
      rows: 1,
      total: 2,
      rate: null,
      seconds: 1,
      seconds_left: null,
      error: null,
      notices: [],
    };
    const waiting = {
      ...column("LIME", []),
      state: "waiting",
      values: undefined,
      curves: [],
      metrics: [[]],
      notes: [""],
    };
    view = mounted({
      ...(state(
        board({ verdict: "", columns: [column("KernelSHAP", [0.1, -0.3, 0.2]), waiting], pairs: [] }),
      ) as object),
      status,
    } as never);
    await painted();
    expect(view.words(".jx-state")).toBe("1 of 2 methods");
    expect(view.words(".cp-h .c:nth-child(3)")).toContain("waiting");
    view.$(".jx-meta .btn")?.click();
    expect(view.model.sent.map((message) => (message as { type: string }).type)).toContain("stop");
    await python(view.model, "board", revive(board()));
    expect(view.all(".cp-h button").length).toBe(4);
  });
});
