/** What removing the features that raise an output most does to it, read off the curves that came with the explanation. */
import type { Point, Stretch } from "./components/groove";
import { type Chance, heightAt, type Path, type Paths } from "./curves";
import type { Estimate } from "./estimate";
import type { Decide } from "./flips";

export interface Removal {
  /** Features in the order in which they are removed. */
  order: readonly number[];
  /** How many of them are removed. */
  k: number;
  removed: ReadonlySet<number>;
  path: Path;
  /** What these features give alone, by how many are there. */
  insertion: Path | null;
  chance: Chance | null;
  /** Every output with `k` features removed; NaN where the curve does not know it. Null while none is. */
  scores: Float32Array | null;
}

/** Features that raise the output most first, as Python orders them; those that edits took away are none. */
export function removalOrder(values: Float32Array, absent: ReadonlySet<number>): number[] {
  const there = [...values.keys()].filter((feature) => !absent.has(feature));
  return there.sort((a, b) => (values[b] as number) - (values[a] as number) || a - b);
}

/** Null where there is no curve for this output of this run. */
export function removalOf(
  estimate: Estimate | null,
  values: Float32Array | null,
  row: number,
  paths: Paths,
  wanted: number,
): Removal | null {
  const path = paths.removal.get(row);
  if (!estimate || !values || !path || paths.run !== estimate.run) return null;
  const order = removalOrder(values, estimate.absent);
  if (order.length === 0 || path.x.at(-1) !== order.length) return null;
  const k = Math.max(0, Math.min(order.length, Math.round(wanted) || 0));
  let scores: Float32Array | null = null;
  if (k > 0) {
    const known = new Float32Array(estimate.predictions.length).fill(Number.NaN);
    estimate.targets.forEach((target, at) => {
      known[target] = heightAt(path.x, path.y[at] ?? [], k);
    });
    scores = known;
  }
  return {
    order,
    k,
    removed: new Set(order.slice(0, k)),
    path,
    insertion: paths.insertion.get(row) ?? null,
    chance: paths.chance,
    scores,
  };
}

/** What the numbers of removed features are on the other side of the decision, as stretches from 0 to `n`. */
export function turnedAt(path: Path, decide: Decide): { first: number; zones: Stretch[] } {
  const n = path.x.at(-1) ?? 0;
  const at = (k: number) => decide(path.y.map((line) => heightAt(path.x, line, k)));
  const now = at(0);
  const zones: [number, number][] = [];
  if (now === null) return { first: -1, zones };
  // every number on a short path; on a long one those at which the model was asked
  const steps = n <= 100 ? Array.from({ length: n + 1 }, (_, k) => k) : [...path.x];
  let open: number | null = null;
  steps.forEach((k, i) => {
    const turned = at(k) !== now;
    if (turned && open === null) open = k;
    if (open !== null && (!turned || i === steps.length - 1)) {
      zones.push([open, turned ? k : (steps[i - 1] as number)]);
      open = null;
    }
  });
  return { first: zones[0]?.[0] ?? -1, zones };
}

/** Mean height of a line over its points. */
export function meanHeight(x: ArrayLike<number>, y: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 1; i < x.length; i++)
    sum += ((x[i] as number) - (x[i - 1] as number)) * ((y[i] as number) + (y[i - 1] as number));
  const width = (x[x.length - 1] ?? 0) - (x[0] ?? 0);
  return width > 0 ? sum / (2 * width) : (y[0] ?? Number.NaN);
}

export type Verdict = "agrees" | "chance" | "worse";

/** Whether the output falls faster in this order than in nineteen of twenty random ones, on the mean. */
export function verdict(path: Path, chance: Chance, row: number): Verdict {
  const ours = meanHeight(path.x, path.y[row] ?? []);
  const low = meanHeight(chance.x, chance.low[row] ?? []);
  const high = meanHeight(chance.x, chance.high[row] ?? []);
  return ours < low ? "agrees" : ours > high ? "worse" : "chance";
}

export interface Drawing {
  line: Point[];
  /** Put back alone. */
  back: Point[];
  beside: Point[];
  band: Point[];
  zones: Stretch[];
  place(score: number): number;
}

/** The curve, the random orders and the border on one scale, all from 0 to 1. */
export function drawingOf(
  { path, insertion, chance }: Pick<Removal, "path" | "insertion" | "chance">,
  row: number,
  threshold: number | null,
  decide: Decide,
): Drawing {
  const n = path.x.at(-1) || 1;
  const lines = [path.y[row], insertion?.y[row], chance?.low[row], chance?.high[row]];
  let [low, high] = [threshold ?? Number.POSITIVE_INFINITY, threshold ?? Number.NEGATIVE_INFINITY];
  for (const line of lines)
    for (const value of line ?? []) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  const place = (score: number) => 0.06 + (0.88 * (score - low)) / (high - low || 1);
  const points = (x: Float32Array, y: Float32Array | undefined): Point[] =>
    [...(y ?? [])].map((score, i) => [(x[i] as number) / n, place(score)] as const);
  return {
    line: points(path.x, path.y[row]),
    back: insertion ? points(insertion.x, insertion.y[row]) : [],
    beside: chance ? points(chance.x, chance.y[row]) : [],
    band: chance ? [...points(chance.x, chance.high[row]), ...points(chance.x, chance.low[row]).reverse()] : [],
    zones: turnedAt(path, decide).zones.map(([from, to]) => [from / n, to / n] as const),
    place,
  };
}
