/** A frame with its buffers read, and the part of it that the chosen output shows. */
import { float32, int8 } from "./decode";
import type { Frame } from "./schema.gen";

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
  pixels: PixelValues | null;
}

type BinaryField =
  | "values"
  | "std_errors"
  | "predictions"
  | "base_values"
  | "gap"
  | "r2"
  | "local_predictions"
  | "pixels";

export function readFrame(frame: Frame): Estimate {
  const { pixels } = frame;
  let map: PixelValues | null = null;
  if (pixels) {
    const { target, width, height, scale } = pixels;
    map = { target, width, height, values: Float32Array.from(int8(pixels.data), (step) => (step * scale) / 127) };
  }
  return {
    ...frame,
    values: float32(frame.values),
    std_errors: float32(frame.std_errors),
    predictions: float32(frame.predictions) ?? new Float32Array(0),
    base_values: float32(frame.base_values),
    gap: float32(frame.gap),
    r2: float32(frame.r2),
    local_predictions: float32(frame.local_predictions),
    pixels: map,
  };
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
