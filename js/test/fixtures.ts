/** Whole states as Python would send them: numbers of the mock pages, buffers as {"$b64"} so that no byte is shared. */
import { deflateSync } from "node:zlib";
import type { Display, Frame, Geometry, Request, Status } from "../src/schema.gen";

export interface Plain {
  uid: string;
  geometry: unknown;
  frame: unknown;
  curves: unknown;
  status: unknown;
  display: Display;
  request: Request;
}

export const packed = (raw: ArrayBufferView) => ({
  $b64: Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString("base64"),
});
export const floats = (...values: number[]) => packed(new Float32Array(values));

/** A buffer as a widget receives it: a DataView somewhere inside a larger message. */
export function view(values: number[], offset = 0): DataView {
  const raw = new Uint8Array(new Float32Array(values).buffer);
  const message = new Uint8Array(raw.length + offset + 5);
  message.set(raw, offset);
  return new DataView(message.buffer, offset, raw.length);
}

const methods = [
  { name: "lime", label: "LIME", why_not: "" },
  { name: "kernel_shap", label: "KernelSHAP", why_not: "" },
  { name: "deeplift", label: "DeepLIFT", why_not: "needs a torch network" },
];

export function geometry(layout: unknown, patch: Partial<Geometry> = {}): Geometry {
  return {
    schema: 1,
    run: 1,
    took: "Average over 100 training rows.",
    layout,
    output_names: ["bad credit", "good credit"],
    n_outputs: 2,
    output_unit: "probability",
    threshold: 0.5,
    methods,
    params: [],
    ...patch,
  } as Geometry;
}

export function frame(patch: Record<string, unknown>): Frame {
  return {
    schema: 1,
    run: 1,
    seq: 1,
    state: "settled",
    method: "lime",
    method_label: "LIME",
    targets: [0, 1],
    target_names: ["bad credit", "good credit"],
    n_features: 0,
    additive: false,
    unexplained: [],
    value_unit: "probability",
    n_evals: 100,
    n_rows: 3000,
    random_state: 0,
    params: {},
    notices: [],
    ...patch,
  } as unknown as Frame;
}

export function status(patch: Partial<Status> = {}): Status {
  return {
    schema: 1,
    run: 1,
    state: "settled",
    rows: 3000,
    total: 3000,
    rate: null,
    seconds: 0.05,
    seconds_left: null,
    error: null,
    notices: [],
    ...patch,
  };
}

function state(uid: string, patch: Partial<Plain>): Plain {
  return { uid, geometry: {}, frame: {}, curves: {}, status: status(), display: {}, request: {}, ...patch };
}

export const column = (name: string, value: string, patch = {}) => ({
  name,
  value,
  kind: "category",
  unit: "",
  condition: "",
  missing: false,
  raw: value,
  ...patch,
});

const choices = (...names: string[]) => ({ choices: names, choice_names: names });

const credit = [0.156, -0.129, 0.134, 0.012];
const creditErrors = [0.014, 0.01, 0.009, 0.02];

export function table(patch: Partial<Plain> = {}, framePatch: Record<string, unknown> = {}): Plain {
  const columns = [
    column("checking account", "overdrawn", choices("overdrawn", "none", "over 200 DM")),
    column("purpose", "car, used", choices("radio", "car, used")),
    column("duration", "36", {
      kind: "number",
      unit: "months",
      condition: "24 < duration <= 36",
      ...{ raw: 36, low: 4, high: 72, whole: true },
    }),
    column("telephone", "missing", { missing: true, raw: null }),
  ];
  return state("table-1", {
    geometry: geometry({ type: "columns", columns }),
    frame: frame({
      method: "kernel_shap",
      method_label: "KernelSHAP",
      additive: true,
      n_features: 4,
      values: floats(...credit, ...credit.map((value) => -value)),
      std_errors: floats(...creditErrors, ...creditErrors),
      predictions: floats(0.635, 0.365),
      base_values: floats(0.462, 0.538),
      gap: floats(0, 0),
      ...framePatch,
    }),
    ...patch,
  });
}

/** A surrogate: `values` by explained output, one after another. */
export function text(words: string, offsets: number[][], values: number[], patch: Partial<Plain> = {}): Plain {
  const n = offsets.length;
  return state("text-1", {
    geometry: geometry(
      { type: "tokens", text: words, offsets, groups: [], units: "words", n_features: n },
      { output_names: ["negative", "positive"] },
    ),
    frame: frame({
      target_names: ["negative", "positive"],
      n_features: n,
      values: floats(...values, ...values.map((value) => -value)),
      std_errors: floats(...new Array(2 * n).fill(0.004)),
      predictions: floats(0.793, 0.207),
      base_values: floats(0.553, 0.447),
      r2: floats(0.92, 0.92),
      local_predictions: floats(0.787, 0.213),
    }),
    ...patch,
  });
}

export const PIECES = 3;

export function image(patch: Partial<Plain> = {}): Plain {
  const labels = new Uint16Array([0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2]);
  const predictions = new Array(1000).fill(0.0001);
  predictions[282] = 0.385;
  predictions[285] = 0.363;
  predictions[281] = 0.167;
  return state("image-1", {
    geometry: geometry(
      {
        type: "pixels",
        width: 4,
        height: 4,
        mime: "image/jpeg",
        image: { $b64: "" },
        labels: packed(deflateSync(Buffer.from(labels.buffer))),
        n_features: PIECES,
        fill: "mean",
      },
      { output_names: predictions.map((_, i) => `class ${i}`), n_outputs: 1000, threshold: null },
    ),
    frame: frame({
      targets: [282, 285],
      target_names: ["tiger cat", "Egyptian cat"],
      n_features: PIECES,
      values: floats(0.028, -0.011, 0.001, 0.01, 0.02, 0),
      std_errors: floats(0.003, 0.002, 0.004, 0.001, 0.001, 0.001),
      predictions: floats(...predictions),
      base_values: floats(0.1, 0.1),
      r2: floats(0.9, 0.9),
      local_predictions: floats(0.38, 0.36),
    }),
    ...patch,
  });
}
