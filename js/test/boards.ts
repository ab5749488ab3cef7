/** Comparisons as Python would send them. */
import { floats, geometry, column as info, packed, status } from "./fixtures";

export const halves = (...values: number[]) => packed(new Uint16Array(values));
export const ONE = 0x3c00;
export const MINUS = 0xbc00;

export function removal(kind: "removal" | "random_removal") {
  const info = { kind, feature: null, points: 2, x: floats(0, 3), y: halves(ONE, MINUS), offset: 0.5, scale: 0.3 };
  return kind === "removal" ? { ...info, order: 0 } : { ...info, band: halves(ONE, MINUS, ONE, MINUS) };
}

export const metric = (name: string, value: number | null, half: number | null = null) => ({
  name,
  value,
  half,
  unit: "",
  better: "lower",
  said: value === null ? "it adds up to nothing" : "",
});

export function column(label: string, values: number[], patch: object = {}) {
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

export const board = (patch: object = {}) => ({
  schema: 1,
  run: 1,
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

export const state = (given: object) =>
  ({ uid: "cmp", geometry: {}, frame: {}, curves: {}, display: {}, request: {}, status: {}, board: given }) as never;

/** Rows that can be moved: the geometry of the instance, and the model's answers along one of its columns. */
export const movable = (given: object = board(), more: object = {}) => ({
  ...(state(given) as object),
  geometry: geometry(
    {
      type: "columns",
      columns: [
        info("duration", "36", { kind: "number", raw: 36, low: 4, high: 72, whole: true }),
        info("<b>age</b>", "24", { kind: "number", raw: 24, low: 18, high: 80, whole: true }),
        info("purpose", "car", { choices: ["car", "radio"], choice_names: ["car", "radio"] }),
      ],
    },
    { output_names: ["bad"], n_outputs: 1 },
  ),
  curves: {
    schema: 1,
    run: 1,
    rows: 2,
    curves: [
      { kind: "response", feature: 0, points: 2, x: floats(4, 72), y: halves(MINUS, ONE), offset: 0.5, scale: 0.3 },
    ],
  },
  status: status(),
  ...more,
});
