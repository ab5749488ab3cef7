/** The model's answers along paths, as Python sent them: response curves and what removing features does. */
import { float16, float32, same } from "./decode";
import { type Adjustment, type Changes, readEdits } from "./edits";
import type { CurveInfo, Curves } from "./schema.gen";

export interface Path {
  x: Float32Array;
  /** One line for each explained output. */
  y: Float32Array[];
}

/** The mean over random orders of removal, and the quantiles between which nine of ten of them lie. */
export interface Chance extends Path {
  low: Float32Array[];
  high: Float32Array[];
}

export interface Paths {
  /** The run they belong to. */
  run: number;
  /** Model rows that they took. */
  rows: number;
  /** What had been changed when the model was asked. */
  changes: Changes;
  response: ReadonlyMap<number, Path>;
  /** By the explained output whose order they follow. */
  removal: ReadonlyMap<number, Path>;
  /** The same features put back one after another where all are absent; of some runs none. */
  insertion: ReadonlyMap<number, Path>;
  chance: Chance | null;
  /** A word or piece absent (0) and present (1). */
  presence: ReadonlyMap<number, Path>;
  adjustment: ReadonlyMap<Adjustment, Path>;
  /** Nearest values that turn the decision, found by asking the model. */
  flips: ReadonlyMap<number, Turn>;
}

export interface Turn {
  /** A number, or the position of a choice. */
  value: number;
  /** The explained output whose decision it turns; null: everyone's. */
  row: number | null;
}

const none: Paths = {
  run: Number.NaN,
  rows: 0,
  changes: readEdits([]),
  response: new Map(),
  removal: new Map(),
  insertion: new Map(),
  chance: null,
  presence: new Map(),
  adjustment: new Map(),
  flips: new Map(),
};

/** Lines of so many points each. */
function lines(binary: CurveInfo["y"] | undefined, { points, offset, scale }: CurveInfo): Float32Array[] {
  const all = (float16(binary) ?? new Float32Array(0)).map((height) => offset + scale * height);
  const rows = points > 0 ? Math.floor(all.length / points) : 0;
  return Array.from({ length: rows }, (_, row) => all.subarray(row * points, (row + 1) * points));
}

const read = (info: CurveInfo): Path => ({ x: float32(info.x) ?? new Float32Array(0), y: lines(info.y, info) });

/** Python counts what is still absent; here what is there. */
const turned = ({ x, y }: Path): Path => ({
  x: x.map((_, i) => (x.at(-1) as number) - (x[x.length - 1 - i] as number)),
  y: y.map((line) => line.slice().reverse()),
});

function readChance(info: CurveInfo): Chance {
  const path = read(info);
  const band = lines(info.band, info);
  const known = band.length === 2 * path.y.length;
  return {
    ...path,
    low: known ? band.slice(0, path.y.length) : path.y,
    high: known ? band.slice(path.y.length) : path.y,
  };
}

export function readCurves(curves: Curves | null): Paths {
  if (!curves) return none;
  const response = new Map<number, Path>();
  const removal = new Map<number, Path>();
  const insertion = new Map<number, Path>();
  const presence = new Map<number, Path>();
  const adjustment = new Map<Adjustment, Path>();
  const flips = new Map<number, Turn>();
  let chance: Chance | null = null;
  for (const info of curves.curves) {
    if (info.kind === "response" && info.feature !== null) response.set(info.feature, read(info));
    else if (info.kind === "removal" && info.order !== undefined) removal.set(info.order, read(info));
    else if (info.kind === "insertion" && info.order !== undefined) insertion.set(info.order, turned(read(info)));
    else if (info.kind === "random_removal") chance = readChance(info);
    else if (info.kind === "presence" && info.feature !== null) presence.set(info.feature, read(info));
    else if (info.kind === "adjustment" && info.name) adjustment.set(info.name, read(info));
    else if (info.kind === "flip" && info.feature !== null) {
      // Python rounds to six digits, which float32 holds
      const value = Number((float32(info.x)?.[0] ?? Number.NaN).toPrecision(6));
      flips.set(info.feature, { value, row: info.order ?? null });
    }
  }
  return {
    run: curves.run,
    rows: curves.rows ?? 0,
    changes: readEdits(curves.edits ?? []),
    response,
    removal,
    insertion,
    chance,
    presence,
    adjustment,
    flips,
  };
}

/** The curves, where they are of these outputs in this unit: those of an earlier estimate may be of others. */
export function curvesOf(curves: Curves | null, paths: Paths, targets: readonly number[], unit: string): Paths {
  const { targets: asked = targets, unit: told = unit } = curves ?? {};
  return same([asked, told], [targets, unit]) ? paths : none;
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
