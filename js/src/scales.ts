/** Where a number stands on an axis. Bars share one scale, symmetric about zero. */

import { fixed, signed } from "./format";

/** 1.96 standard errors are half of a 95 % interval. */
export const Z95 = 1.96;

/** Words and pieces below this share of the scale carry no mark. */
export const FAINT_SHARE = 0.06;

/** Whether the interval of an estimate contains zero. Without an error the estimate is exact. */
export function couldBeZero(value: number, error: number | undefined): boolean {
  return error !== undefined && Math.abs(value) <= Z95 * error;
}

/** The next round number at or above `value`. */
export function niceEnd(value: number): number {
  if (!(value > 0) || !Number.isFinite(value)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((factor) => value <= factor * power * 1.0001) ?? 10;
  return Number((step * power).toPrecision(3));
}

/**
 * The end of the bars' scale. Very wide intervals of the first batches run off the axis rather than squeeze every bar.
 */
export function wantedEnd(values: ArrayLike<number>, errors: ArrayLike<number> | null): number {
  let largest = 0;
  let reach = 0;
  for (let i = 0; i < values.length; i++) {
    const size = Math.abs(values[i] as number);
    const error = errors?.[i] ?? 0;
    if (size > largest) largest = size;
    if (size + Z95 * error > reach) reach = size + Z95 * error;
  }
  return niceEnd(Math.min(reach || largest, largest * 1.6));
}

/** While streaming the scale only grows; at rest it also shrinks, but only below half: bars must stay comparable. */
export function nextEnd(previous: number | undefined, wanted: number, running: boolean): number {
  if (previous === undefined || wanted > previous) return wanted;
  return !running && wanted < previous / 2 ? wanted : previous;
}

interface Drawn {
  method: string;
  value_unit: string;
  /** Whether something was changed by hand. */
  edited: boolean;
  streaming: boolean;
  settings: Readonly<Record<string, unknown>> | undefined;
}

/**
 * The ends of the bars' scales by output. An edited instance keeps the original's, once that is known from a whole
 * estimate: what changes is the bars. How long a run lasts moves no weight.
 */
export function createRuler() {
  const ends = new Map<number, { end: number; sure: boolean }>();
  let before = "";
  return (target: number, wanted: number, { method, value_unit, edited, streaming, settings }: Drawn): number => {
    const asked = JSON.stringify([method, value_unit, { ...settings, n_samples: 0, tolerance: 0 }]);
    if (asked !== before) ends.clear();
    before = asked;
    const known = ends.get(target);
    if (known?.sure && edited) return known.end;
    const end = nextEnd(known?.end, wanted, streaming);
    ends.set(target, { end, sure: !edited && (known?.sure || !streaming) });
    return end;
  };
}

/** Whether a value lies beyond the scale: its bar ends in a tip that points on. */
export function beyond(value: number, end: number): boolean {
  return Math.abs(value) > end * 1.0001;
}

/** Percent from the left of a symmetric axis, clipped to it. */
export function percent(value: number, end: number): number {
  return 50 + 50 * Math.max(-1, Math.min(1, value / end));
}

/** Ends of the number line under the sum. */
export function lineDomain(unit: string, marks: number[]): [number, number] {
  if (unit === "probability") return [0, 1];
  const finite = marks.filter(Number.isFinite);
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  const pad = high > low ? 0 : Math.abs(high) || 1;
  return nice(low - pad, high + pad);
}

/** About how many steps of 1, 2 or 5 times a power of ten an axis has. */
const STEPS = 5;

/** Ends moved out to whole steps. A scale library has this too, with colours and dates that a view has no use for. */
function nice(low: number, high: number): [number, number] {
  const rough = (high - low) / STEPS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = rough / power;
  const step = power * (factor >= Math.sqrt(50) ? 10 : factor >= Math.sqrt(10) ? 5 : factor >= Math.SQRT2 ? 2 : 1);
  const whole = (value: number, round: (value: number) => number) =>
    Number((round(Number((value / step).toPrecision(12))) * step).toPrecision(12));
  return [whole(low, Math.floor), whole(high, Math.ceil)];
}

/** Room for three decimals and their interval, in pixels. */
export const USUAL_NUMBERS = 112;

/** Room for the longest weight and interval: a price in yen or a probability of one in a million must not be cut. */
export function numbersWidth(values: Float32Array | null, errors: Float32Array | null, decimals: number): number {
  let largest = 0;
  for (const value of values ?? []) if (Math.abs(value) > largest) largest = Math.abs(value);
  let widest = 0;
  for (const error of errors ?? []) if (error > widest && Number.isFinite(error)) widest = error;
  return Math.ceil(9.1 * signed(-largest, decimals).length + 5 + 7.1 * (1 + fixed(Z95 * widest, decimals).length));
}
