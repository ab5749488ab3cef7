/** The model's answers along paths, as Python sent them: response curves and what removing features does. */
import { float16, float32 } from "./decode";
import type { CurveInfo, Curves } from "./schema.gen";

export interface Path {
  x: Float32Array;
  /** One line for each explained output. */
  y: Float32Array[];
}

export interface Paths {
  /** The run they belong to. */
  run: number;
  response: ReadonlyMap<number, Path>;
}

const none: Paths = { run: Number.NaN, response: new Map() };

function read(info: CurveInfo): Path {
  const x = float32(info.x) ?? new Float32Array(0);
  const all = (float16(info.y) ?? new Float32Array(0)).map((height) => info.offset + info.scale * height);
  const rows = info.points > 0 ? Math.floor(all.length / info.points) : 0;
  return { x, y: Array.from({ length: rows }, (_, row) => all.subarray(row * info.points, (row + 1) * info.points)) };
}

export function readCurves(curves: Curves | null): Paths {
  if (!curves) return none;
  const response = new Map<number, Path>();
  for (const info of curves.curves)
    if (info.kind === "response" && info.feature !== null) response.set(info.feature, read(info));
  return { run: curves.run, response };
}

/** The height of a line between its points; at the ends it goes on level. NaN without points. */
export function heightAt(x: ArrayLike<number>, y: ArrayLike<number>, at: number): number {
  const n = x.length;
  if (n === 0 || Number.isNaN(at)) return Number.NaN;
  let after = 0;
  while (after < n && (x[after] as number) < at) after++;
  if (after === 0) return y[0] as number;
  if (after === n) return y[n - 1] as number;
  const [x0, x1] = [x[after - 1] as number, x[after] as number];
  const [y0, y1] = [y[after - 1] as number, y[after] as number];
  return x1 > x0 ? y0 + ((y1 - y0) * (at - x0)) / (x1 - x0) : y1;
}
