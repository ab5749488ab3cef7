/** A frame with its buffers read, and the part of it that the chosen output shows. */
import { float16, float32, int8 } from "./decode";
import type { Frame, PixelMap } from "./schema.gen";

export interface PixelValues {
  target: number;
  width: number;
  height: number;
  values: Float32Array;
}

/** One whole estimate: the frame's header with typed arrays in place of its buffers. */
export interface Estimate extends Omit<Frame, BinaryField> {
  values: Float32Array | null;
  std_errors: Float32Array | null;
  predictions: Float32Array;
  base_values: Float32Array | null;
  gap: Float32Array | null;
  r2: Float32Array | null;
  local_predictions: Float32Array | null;
  /** Pixel maps by output: the shown one's, of a finished estimate coarser ones of the others as well. */
  pixels: ReadonlyMap<number, PixelValues>;
  /** Every output of the model before any edit; null if this estimate is of the original. */
  original: Float32Array | null;
  /** Whether it is of an edited instance. */
  edited: boolean;
  /** Its weights are those of the estimate before it: this run has none yet. */
  carried: boolean;
  /** Features of the original that the edited instance has no more: their values are 0. */
  absent: ReadonlySet<number>;
}

type BinaryField =
  | "values"
  | "std_errors"
  | "predictions"
  | "base_values"
  | "gap"
  | "r2"
  | "local_predictions"
  | "pixels"
  | "maps"
  | "original";

/** Reads the buffers; features stand at their number in the geometry, whose features `features` counts. */
export function readFrame(frame: Frame, features: () => number = () => 0): Estimate {
  const { pixels, ids } = frame;
  const known = ids ? features() : 0;
  const count = ids ? Math.max(known, ...ids.map((id) => id + 1)) : frame.n_features;
  const placed = (all: Float32Array | null) => (all && ids ? spread(all, frame.n_features, ids, count) : all);
  return {
    ...frame,
    n_features: count,
    values: placed(float32(frame.values)),
    std_errors: placed(float32(frame.std_errors)),
    predictions: float32(frame.predictions) ?? new Float32Array(0),
    base_values: float32(frame.base_values),
    gap: float32(frame.gap),
    r2: float32(frame.r2),
    local_predictions: float32(frame.local_predictions),
    pixels: new Map([...(pixels ? [pixels] : []), ...(frame.maps ?? [])].map((map) => [map.target, readMap(map)])),
    original: float32(frame.original),
    edited: frame.original !== undefined,
    carried: false,
    absent: ids ? missing(ids, count) : NONE,
  };
}

/** Until a run has told its first weights those on the screen stay, if the same method told them of the same features. */
export function carriedOver(next: Estimate, shown: Estimate | null): Estimate {
  const begins = next.state === "running" && next.n_evals === 0 && !next.values && next.pixels.size === 0;
  const alike = (of: Estimate) => JSON.stringify([of.method_label, of.targets, of.n_features]);
  if (!begins || !shown || alike(next) !== alike(shown)) return next;
  const { method, values, std_errors, pixels, value_unit, absent } = shown;
  return { ...next, method, values, std_errors, pixels, value_unit, absent, carried: true };
}

export function readMap({ target, width, height, scale, exact, data }: PixelMap): PixelValues {
  const steps = exact ? float16(data) : int8(data);
  const unit = exact ? scale : scale / 127;
  return { target, width, height, values: Float32Array.from(steps ?? [], (step) => step * unit) };
}

const NONE: ReadonlySet<number> = new Set();

function missing(ids: readonly number[], known: number): ReadonlySet<number> {
  const there = new Set(ids);
  return new Set(Array.from({ length: known }, (_, feature) => feature).filter((feature) => !there.has(feature)));
}

/** Rows of `n` values become rows of `count`, each value at its id, 0 elsewhere. */
function spread(all: Float32Array, n: number, ids: readonly number[], count: number): Float32Array {
  const rows = n > 0 ? all.length / n : 0;
  const out = new Float32Array(rows * count);
  for (let row = 0; row < rows; row++)
    ids.forEach((id, i) => {
      out[row * count + id] = all[row * n + i] as number;
    });
  return out;
}

/** Position of an output among the explained ones; -1 if it is not explained. */
export function rowOf(estimate: Estimate, target: number): number {
  return estimate.targets.indexOf(target);
}

/** The features of one explained output. */
export function slice(all: Float32Array | null, row: number, features: number): Float32Array | null {
  if (!all || row < 0 || all.length < (row + 1) * features) return null;
  return all.subarray(row * features, (row + 1) * features);
}
