/** What a hand covers on a photo. Masks of strokes are those of Python's `whatif.strokes`, operation by operation. */
import type { Spot } from "./components/handle";
import type { Box } from "./edits";

export type Point = [x: number, y: number];

/** All within half the width of the line through the points, in the image's own pixels. */
export interface Stroke {
  points: readonly Point[];
  width: number;
}

/** Below this a disc might lie between the middles of all pixels. */
const THINNEST = 2;
/** Points closer than this share of the width add nothing that is seen. */
const APART = 1 / 8;

export interface Widths {
  least: number;
  most: number;
  usual: number;
}

/** How wide a brush can be on a photo of this size, in its pixels. */
export function widthsOf(width: number, height: number): Widths {
  const size = Math.max(width, height);
  const most = Math.max(THINNEST, Math.round(size / 3));
  return { least: Math.min(most, THINNEST), most, usual: Math.max(THINNEST, Math.round(size / 12)) };
}

/** Whole image pixels between two spots; null if there is none. */
export function boxOf(from: Spot, to: Spot, width: number, height: number): Box | null {
  const [left, right] = [Math.floor(Math.min(from.x, to.x) * width), Math.ceil(Math.max(from.x, to.x) * width)];
  const [top, bottom] = [Math.floor(Math.min(from.y, to.y) * height), Math.ceil(Math.max(from.y, to.y) * height)];
  return right > left && bottom > top ? [left, top, right, bottom] : null;
}

/** A spot in the image's pixels, to a tenth of one. */
export function pointAt({ x, y }: Spot, width: number, height: number): Point {
  return [Math.round(10 * x * width) / 10, Math.round(10 * y * height) / 10];
}

/** The stroke led on to a point: one that is very near takes the place of the last. */
export function ledOn(points: readonly Point[], to: Point, width: number): Point[] {
  const [last, before] = [points.at(-1), points.at(-2)];
  const near = last && before && Math.hypot(last[0] - before[0], last[1] - before[1]) < APART * width;
  return [...(near ? points.slice(0, -1) : points), to];
}

/** Sets 1 at each canvas pixel whose image pixel a stroke covers. */
export function coverStroke(
  covered: Uint8Array,
  [columns, rows]: readonly [number, number],
  [width, height]: readonly [number, number],
  { points, width: thick }: Stroke,
): void {
  const radius = thick / 2;
  const middles = (count: number, of: number) =>
    Float64Array.from({ length: count }, (_, at) => Math.floor((at * of) / count) + 0.5);
  const [xs, ys] = [middles(columns, width), middles(rows, height)];
  // canvas pixels that a piece of the stroke may reach along one axis
  const reach = (one: number, other: number, count: number, of: number) =>
    [
      Math.max(0, Math.floor(((Math.min(one, other) - radius - 1) * count) / of)),
      Math.min(count, Math.ceil(((Math.max(one, other) + radius + 1) * count) / of)),
    ] as const;
  points.forEach(([ax, ay], at) => {
    if (at > 0 && at === points.length - 1) return;
    const [bx, by] = points[at + 1] ?? ([ax, ay] as const);
    const [left, right] = reach(ax, bx, columns, width);
    const [top, bottom] = reach(ay, by, rows, height);
    const [dx, dy] = [bx - ax, by - ay];
    const length = dx * dx + dy * dy;
    for (let row = top; row < bottom; row++) {
      const y = ys[row] as number;
      for (let column = left; column < right; column++) {
        const x = xs[column] as number;
        const along = length > 0 ? Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / length)) : 0;
        const [fromX, fromY] = [x - (ax + along * dx), y - (ay + along * dy)];
        if (fromX * fromX + fromY * fromY <= radius * radius) covered[row * columns + column] = 1;
      }
    }
  });
}
