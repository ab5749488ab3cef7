/** Where the decision turns: stretches of a track, and the nearest single changes that turn it. */
import { type Domain, domainOf, valueText } from "./columns";
import type { Point, Stretch } from "./components/groove";
import { heightAt, type Path, type Paths, type Turn } from "./curves";
import { same } from "./decode";
import type { Changes, Value } from "./edits";
import type { ColumnInfo, Geometry } from "./schema.gen";
import { thresholdOf } from "./words";

/** Which side of the decision a set of explained outputs is on; null where there is no decision. */
export type Decide = (scores: readonly number[]) => number | null;

/** With a threshold the side of the chosen output, among classes the largest explained one. */
export function decider(geometry: Geometry, target: number, row: number): Decide {
  const threshold = thresholdOf(geometry, target);
  if (threshold !== null) return (scores) => Number((scores[row] ?? Number.NaN) >= threshold);
  if (geometry.output_unit === "raw" || geometry.n_outputs < 2) return () => null;
  return (scores) => (scores.length > 1 ? scores.indexOf(Math.max(...scores)) : null);
}

const scoresAt = (path: Path, point: number) => path.y.map((line) => line[point] as number);

/** The presently explained outputs by row. */
export function present(predictions: Float32Array | null, targets: readonly number[]): number[] {
  return targets.map((target) => predictions?.[target] ?? Number.NaN);
}

/** Stretches of a track, 0 to 1, on which the decision is not the present one. */
export function zonesOf(path: Path, domain: Domain, decide: Decide, now: number | null): Stretch[] {
  if (now === null) return [];
  const zones: [number, number][] = [];
  const add = (from: number, to: number) => {
    const last = zones.at(-1);
    if (last && from <= last[1] + 1e-9) last[1] = to;
    else if (to > from) zones.push([from, to]);
  };
  const n = path.x.length;
  const turned = Array.from({ length: n }, (_, i) => decide(scoresAt(path, i)) !== now);
  if (domain.choices) {
    const width = 1 / (domain.last + 1);
    turned.forEach((yes, i) => {
      const step = path.x[i] as number;
      if (yes) add(step * width, (step + 1) * width);
    });
    return zones;
  }
  for (let i = 1; i < n; i++) {
    const [a, b] = [path.x[i - 1] as number, path.x[i] as number];
    if (!turned[i - 1] && !turned[i]) continue;
    const at = turned[i - 1] === turned[i] ? null : crossing(path, i, decide, now);
    const from = turned[i - 1] ? a : (at ?? a);
    const to = turned[i] ? b : (at ?? b);
    add(domain.placeOfCurve(from), domain.placeOfCurve(to));
  }
  return zones;
}

/** Where between two points of a line the decision turns. */
function crossing(path: Path, i: number, decide: Decide, now: number): number {
  let [low, high] = [path.x[i - 1] as number, path.x[i] as number];
  const side = decide(scoresAt(path, i - 1)) !== now;
  for (let step = 0; step < 24; step++) {
    const middle = (low + high) / 2;
    const turned = decide(path.y.map((line) => heightAt(path.x, line, middle))) !== now;
    if (turned === side) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

export interface Flip {
  feature: number;
  name: string;
  value: Value;
  /** `≤ 31 months`, `to radio`. */
  words: string;
  distance: number;
}

/** The nearest value of one feature that turns the decision; null if none on its track does. */
export function flipOf(
  feature: number,
  column: ColumnInfo,
  value: Value,
  path: Path,
  decide: Decide,
  now: number | null,
): Flip | null {
  const domain = domainOf(column, value);
  if (!domain || now === null) return null;
  const at = domain.placeOf(value);
  if (Number.isNaN(at)) return null;
  const name = column.name;
  if (domain.choices) {
    let best: Flip | null = null;
    path.x.forEach((step, i) => {
      const distance = Math.abs((step + 0.5) / (domain.last + 1) - at);
      if (distance === 0 || decide(scoresAt(path, i)) === now || (best && distance >= best.distance)) return;
      const to = domain.valueAt(step);
      best = { feature, name, value: to, words: `to ${valueText(to, column)}`, distance };
    });
    return best;
  }
  const edges = zonesOf(path, domain, decide, now).map(([from, to]) => (at < from ? from : at > to ? to : at));
  const nearest = edges.sort((a, b) => Math.abs(a - at) - Math.abs(b - at))[0];
  if (nearest === undefined || nearest === at) return null;
  const up = nearest > at;
  const turned = (to: Value) => decide(path.y.map((line) => heightAt(path.x, line, domain.onCurve(to)))) !== now;
  // the first step that lies beyond the edge
  let step = up ? Math.floor(nearest * domain.last) : Math.ceil(nearest * domain.last);
  while (step >= 0 && step <= domain.last && !turned(domain.valueAt(step))) step += up ? 1 : -1;
  if (step < 0 || step > domain.last) return null;
  const to = domain.valueAt(step);
  const unit = column.unit ? ` ${column.unit}` : "";
  const words = `${up ? "\u2265" : "\u2264"} ${valueText(to, column)}${unit}`;
  return { feature, name, value: to, words, distance: Math.abs(nearest - at) };
}

/** What the model itself was found to turn at, in the words of a flip. */
export function foundFlip(
  feature: number,
  column: ColumnInfo,
  value: Value,
  turn: Turn | undefined,
  row: number,
): Flip | null {
  const domain = domainOf(column, value);
  if (!turn || !domain || (turn.row !== null && turn.row !== row)) return null;
  const to = domain.choices ? domain.valueAt(turn.value) : turn.value;
  const [from, there] = [domain.placeOf(value), domain.placeOf(to)];
  if (Number.isNaN(from) || Number.isNaN(there) || same(to, value)) return null;
  const unit = column.unit ? ` ${column.unit}` : "";
  const way = domain.choices ? "to" : (to as number) > (value as number) ? "\u2265" : "\u2264";
  const words = `${way} ${valueText(to, column)}${domain.choices ? "" : unit}`;
  return { feature, name: column.name, value: to, words, distance: Math.abs(there - from) };
}

/** Features of a text or photo without which alone the decision turns, the largest answers first. */
export function turningAlone(paths: Paths, decide: Decide, scores: readonly number[]): number[] | null {
  const now = decide(scores);
  if (now === null || paths.presence.size === 0) return null;
  return [...paths.presence].filter(([, path]) => decide(scoresAt(path, 0)) !== now).map(([feature]) => feature);
}

/**
 * Nearest single changes of all features with a curve, the smallest first; null where there is no decision. `row`: of
 * the output whose flips were found by asking the model, where the curves are of what is on the screen. Curves that
 * are behind say nothing.
 */
export function nearestFlips(
  geometry: Geometry,
  paths: Paths,
  changes: Changes,
  decide: Decide,
  scores: readonly number[],
  row: number | null = null,
  behind: (key: string) => boolean = () => false,
): Flip[] | null {
  const now = decide(scores);
  if (geometry.layout.type !== "columns" || paths.response.size === 0 || now === null) return null;
  const found: Flip[] = [];
  geometry.layout.columns.forEach((column, feature) => {
    const key = keyOf(column);
    if (behind(key)) return;
    const path = paths.response.get(feature);
    const value = changes.values.has(key) ? (changes.values.get(key) ?? null) : column.raw;
    const asked = row === null ? null : foundFlip(feature, column, value, paths.flips.get(feature), row);
    const flip = asked ?? (path && flipOf(feature, column, value, path, decide, now));
    if (flip) found.push(flip);
  });
  return found.sort((a, b) => a.distance - b.distance || a.feature - b.feature);
}

/** What an edit calls the column. */
export function keyOf(column: ColumnInfo): string {
  return column.key ?? column.name;
}

/** One height scale for all tracks, so that a flat one means "this does not matter here". */
export interface Heights {
  low: number;
  high: number;
  place(value: number): number;
}

export function heightsOf(paths: Paths, row: number, threshold: number | null, unit: string, now: number): Heights {
  let [low, high] = [now, now];
  for (const path of paths.response.values())
    for (const value of path.y[row] ?? []) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  if (threshold !== null) {
    const room = unit === "probability" ? 0.05 : 0;
    low = Math.min(low, threshold - room);
    high = Math.max(high, threshold + room);
  }
  if (unit === "probability") {
    low = Math.max(0, Math.floor(low * 10) / 10);
    high = Math.min(1, Math.ceil(high * 10) / 10);
  }
  const width = high - low || 1;
  return { low, high, place: (value) => 0.06 + (0.88 * (Math.max(low, Math.min(high, value)) - low)) / width };
}

/** A curve on its track; a choice is a level step. */
export function lineOf(path: Path, row: number, domain: Domain, heights: Heights): Point[] {
  const line = path.y[row];
  if (!line) return [];
  const points: Point[] = [];
  const width = 1 / (domain.last + 1);
  path.x.forEach((x, i) => {
    const y = heights.place(line[i] as number);
    if (domain.choices) points.push([x * width, y], [(x + 1) * width, y]);
    else points.push([domain.placeOfCurve(x), y]);
  });
  return points;
}
