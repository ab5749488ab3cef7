/** Many rows, with their buffers read: one output's features, the rows that drive one of them. */
import { float32, int8 } from "./decode";
import { counted, MINUS } from "./format";
import type { Dots, Overview } from "./schema.gen";

/** Over all outputs. */
export const ALL = -1;

/** One output's numbers, a place a feature. */
export interface Numbers {
  values: Float32Array;
  errors: Float32Array | null;
  signed: Float32Array | null;
  chance: Float32Array | null;
  support: Float32Array | null;
}

export function numbersOf(over: Overview, output: number): Numbers {
  const n = over.names.length;
  const part = (all: Float32Array | null) =>
    all && output !== ALL ? all.subarray(output * n, (output + 1) * n) : null;
  const values = output === ALL ? float32(over.overall) : part(float32(over.values));
  return {
    values: values ?? new Float32Array(n),
    errors: output === ALL ? float32(over.overall_std_errors) : part(float32(over.std_errors)),
    signed: part(float32(over.signed)),
    chance: part(float32(over.chance)),
    support: part(float32(over.support)),
  };
}

/** The output that is shown before anybody chooses: of two the one that thresholds are set for. */
export function firstOutput(over: Overview): number {
  const count = over.output_names.length;
  return count > 2 && over.overall ? ALL : count === 2 ? 1 : 0;
}

/** A row's weight and own value at a feature. */
export interface Driver {
  row: number;
  weight: number;
  value: string;
  /** 0 to 1 from the feature's least value to its greatest; NaN where it has none. */
  height: number;
  /** Of the shown class; where none is shown, in the upper half of the feature's values. */
  filled: boolean;
}

const known = new WeakMap<Dots, Map<string, Driver[]>>();

/** The end of the dots' scale. */
export const endOf = ({ scales }: Dots, output: number) => scales[output] ?? Math.max(...scales);

/** For how many rows the model predicts an output; nothing where there are no classes. */
export const predictedFor = ({ predicted }: Overview, output: number) => {
  const count = predicted?.[output];
  return count === undefined ? "" : counted(count, "rows");
};

/** Whether dots are filled by the class that the model predicts. */
export const byClass = ({ predicted }: Dots, output: number) => predicted !== undefined && output !== ALL;

/** What the model says for a row of the sample; NaN where it is not known. */
export function predictionOf({ dots }: Overview, output: number, row: number): number {
  const at = dots?.rows.indexOf(row) ?? -1;
  const all = float32(dots?.predictions);
  return dots && all && at >= 0 && output !== ALL ? (all[at * dots.scales.length + output] ?? Number.NaN) : Number.NaN;
}

/**
 * Each row of the sample at one feature; rows that lack it are left out. Over all outputs a row's weight is the one for
 * the class that the model predicts for it, or its largest. Made once.
 */
export function dotsOf(over: Overview, output: number, feature: number): Driver[] {
  const dots = over.dots;
  const at = dots ? dots.features.indexOf(feature) : -1;
  if (!dots || at < 0) return [];
  const made = known.get(dots) ?? new Map<string, Driver[]>();
  known.set(dots, made);
  const key = `${output} ${at}`;
  const found = made.get(key) ?? readDots(dots, over.output_names.length, output, at);
  made.set(key, found);
  return found;
}

function readDots(dots: Dots, outputs: number, output: number, at: number): Driver[] {
  const [weights, inputs] = [int8(dots.weights), float32(dots.inputs) as Float32Array];
  const width = dots.features.length;
  const own = dots.rows.map((_, i) => inputs[i * width + at] as number);
  const finite = own.filter(Number.isFinite);
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  const choices = dots.choices[at] ?? [];
  return dots.rows.flatMap((row, i) => {
    const of = (k: number) => {
      const step = weights[(i * outputs + k) * width + at] as number;
      return step === -128 ? Number.NaN : (step * (dots.scales[k] ?? 1)) / 127;
    };
    const size = (k: number) => Math.abs(of(k)) || 0;
    const decided = dots.predicted?.[i] ?? ALL;
    const first = decided >= 0 ? decided : [...dots.scales.keys()].reduce((a, b) => (size(b) > size(a) ? b : a));
    const weight = of(output === ALL ? first : output);
    const value = own[i] as number;
    if (Number.isNaN(weight)) return [];
    const height = high > low ? (value - low) / (high - low) : Number.isFinite(value) ? 0.5 : Number.NaN;
    const filled = byClass(dots, output) ? decided === output : !(height < 0.5);
    return [{ row, weight, value: choices[value] ?? said(value), height, filled }];
  });
}

const said = (value: number) =>
  Number.isFinite(value) ? String(Number(value.toPrecision(4))).replace("-", MINUS) : "";

/** The rows that drive a feature: of the sample, or of those that were picked. */
export function driversOf(over: Overview, output: number, feature: number, most: number): Driver[] {
  let found = dotsOf(over, output, feature);
  if (!found.length)
    found = over.picks.flatMap(({ row, features, weights }) => {
      const at = features.indexOf(feature);
      return at < 0 ? [] : [{ row, weight: weights[at] as number, value: "", height: Number.NaN, filled: true }];
    });
  return [...found].sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight) || a.row - b.row).slice(0, most);
}

/** What a row of the sample has, the heaviest first. */
export function rowOf(over: Overview, output: number, row: number, most: number): { name: string; driver: Driver }[] {
  const found = (over.dots?.features ?? []).flatMap((feature) => {
    const driver = dotsOf(over, output, feature).find((each) => each.row === row);
    return driver ? [{ name: over.names[feature] as string, driver }] : [];
  });
  return found.sort((a, b) => Math.abs(b.driver.weight) - Math.abs(a.driver.weight)).slice(0, most);
}

export type Sorting = "weight" | "name" | "support";

/** Features in the order they are listed; ties keep the order of importance over all. */
export function listed(over: Overview, numbers: Numbers, by: Sorting, wanted: string): number[] {
  const order = over.names.map((_, at) => at).filter((at) => over.names[at]?.toLowerCase().includes(wanted));
  const size = by === "support" && numbers.support ? numbers.support : numbers.values;
  if (by === "name") return order.sort((a, b) => (over.names[a] as string).localeCompare(over.names[b] as string));
  return order.sort((a, b) => (size[b] as number) - (size[a] as number) || a - b);
}
