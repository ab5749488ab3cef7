/** Paints attributions over a photo that turns grey under them. Pure pixel work, no DOM. */
import { LOWERS, RAISES } from "./colours";
import { coverStroke, type Stroke } from "./strokes";

/** What is looked up once per photo: its pixels, the piece at each of them, where pieces meet. */
export interface Ground {
  width: number;
  height: number;
  rgba: Uint8ClampedArray;
  /** Index into the values at each canvas pixel. */
  index: Uint32Array;
  /** 1 where two pieces meet; empty for pixel maps. */
  edges: Uint8Array;
}

export interface Heat {
  values: ArrayLike<number>;
  /** Which values are drawn: at or above the threshold, and not possibly zero. */
  shown: (index: number) => boolean;
  end: number;
  opacity: number;
  /** 1 where the reader has hidden the photo; null if nowhere. */
  covered?: Uint8Array | null;
  /** Where pieces meet is what is to be seen. */
  outlined?: boolean;
}

/** Longest side of the canvas: sharp at 300 CSS pixels on a dense screen. */
const LONGEST = 600;

export function canvasSize(width: number, height: number): [number, number] {
  const factor = LONGEST / Math.max(width, height, 1);
  return [Math.max(1, Math.round(width * factor)), Math.max(1, Math.round(height * factor))];
}

/** Nearest value of a map at each canvas pixel. */
export function indexMap(
  map: { width: number; height: number; labels: Uint16Array | null },
  width: number,
  height: number,
) {
  const index = new Uint32Array(width * height);
  for (let y = 0; y < height; y++) {
    const row = Math.min(map.height - 1, Math.floor((y * map.height) / height)) * map.width;
    for (let x = 0; x < width; x++) {
      const at = row + Math.min(map.width - 1, Math.floor((x * map.width) / width));
      index[y * width + x] = map.labels ? (map.labels[at] ?? 0) : at;
    }
  }
  return index;
}

export function edgesOf(index: Uint32Array, width: number, height: number): Uint8Array {
  const edges = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      const right = y * width + Math.min(width - 1, x + 2);
      const below = Math.min(height - 1, y + 2) * width + x;
      edges[at] = Number(index[right] !== index[at] || index[below] !== index[at]);
    }
  }
  return edges;
}

/** A pixel inside each piece near its middle, as shares of width and height: the middle itself may lie outside. */
export function middles(index: Uint32Array, width: number, height: number, pieces: number): [number, number][] {
  const sums = Array.from({ length: pieces }, () => [0, 0, 0] as [number, number, number]);
  index.forEach((piece, at) => {
    const sum = sums[piece];
    if (!sum) return;
    sum[0] += at % width;
    sum[1] += Math.floor(at / width);
    sum[2]++;
  });
  const best = Array.from({ length: pieces }, () => [Number.POSITIVE_INFINITY, 0.5, 0.5] as [number, number, number]);
  index.forEach((piece, at) => {
    const [sum, found] = [sums[piece], best[piece]];
    if (!sum || !found) return;
    const [x, y] = [at % width, Math.floor(at / width)];
    const distance = (x - sum[0] / sum[2]) ** 2 + (y - sum[1] / sum[2]) ** 2;
    if (distance < found[0]) best[piece] = [distance, (x + 0.5) / width, (y + 0.5) / height];
  });
  return best.map(([, x, y]) => [x, y]);
}

const RIM = 3;

/** The rims of each ground's pieces, found in one pass when the first piece is pointed at. */
const rims = new WeakMap<Uint32Array, Map<number, number[]>>();
const NO_RIM: readonly number[] = [];

/** The pixels just inside the border of one piece: what is outlined while it is pointed at. */
export function rimOf({ index, width }: Pick<Ground, "index" | "width">, piece: number): readonly number[] {
  let known = rims.get(index);
  if (!known) {
    known = new Map();
    rims.set(index, known);
    for (let at = 0; at < index.length; at++) {
      if (!onRim(index, at, width)) continue;
      const own = index[at] as number;
      const rim = known.get(own);
      if (rim) rim.push(at);
      else known.set(own, [at]);
    }
  }
  return known.get(piece) ?? NO_RIM;
}

/** Whether a pixel lies just inside the border of its piece, on any side; the photo's own edge is one too. */
function onRim(index: Uint32Array, at: number, width: number): boolean {
  const piece = index[at];
  const x = at % width;
  return (
    x < RIM ||
    x >= width - RIM ||
    index[at - RIM] !== piece ||
    index[at + RIM] !== piece ||
    index[at - RIM * width] !== piece ||
    index[at + RIM * width] !== piece
  );
}

/** 1 at each pixel of the canvas that is hidden: by its piece, a box in canvas pixels, a stroke in those of an image of `size`. */
export function coverOf(
  ground: Ground,
  hidden: ReadonlySet<number>,
  boxes: readonly (readonly [number, number, number, number])[],
  strokes: readonly Stroke[] = [],
  size: readonly [number, number] = [ground.width, ground.height],
): Uint8Array | null {
  if (hidden.size === 0 && boxes.length === 0 && strokes.length === 0) return null;
  const { index, width, height } = ground;
  const covered = new Uint8Array(width * height);
  if (hidden.size > 0)
    for (let at = 0; at < covered.length; at++) covered[at] = Number(hidden.has(index[at] as number));
  for (const [left, top, right, bottom] of boxes)
    for (let y = Math.max(0, top); y < Math.min(height, bottom); y++)
      covered.fill(1, y * width + Math.max(0, left), y * width + Math.min(width, right));
  for (const stroke of strokes) coverStroke(covered, [width, height], size, stroke);
  return covered;
}

/** The photo as the model gets it where pieces take their mean colour; other fills only Python knows: grey. */
export function veil(ground: Ground, covered: Uint8Array | null, fill: string): Uint8ClampedArray {
  const { rgba, index, edges } = ground;
  if (!covered) return rgba;
  const out = new Uint8ClampedArray(rgba);
  const sums = new Map<number, [number, number, number, number]>();
  const piece = (at: number) => (edges.length > 0 ? (index[at] as number) : 0);
  const mean = fill === "mean";
  if (mean)
    for (let at = 0; at < index.length; at++) {
      const sum = sums.get(piece(at)) ?? [0, 0, 0, 0];
      for (let channel = 0; channel < 3; channel++) (sum[channel] as number) += rgba[4 * at + channel] as number;
      sum[3]++;
      sums.set(piece(at), sum);
    }
  for (let at = 0; at < covered.length; at++) {
    if (!covered[at]) continue;
    const sum = mean ? sums.get(piece(at)) : undefined;
    for (let channel = 0; channel < 3; channel++) out[4 * at + channel] = sum ? (sum[channel] as number) / sum[3] : 160;
  }
  return out;
}

/** Writes the heat over the photo into `out`. Raises solid, lowers hatched: sign never hangs on colour alone. */
export function paintHeat(out: Uint8ClampedArray, ground: Ground, heat: Heat | null): void {
  const { rgba, index, edges, width } = ground;
  if (!heat) {
    out.set(rgba);
    return;
  }
  const { values, shown, end, opacity, covered = null, outlined = false } = heat;
  const count = values.length;
  const strength = new Float32Array(count);
  const drawn = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const value = values[i] as number;
    drawn[i] = Number(Number.isFinite(value) && shown(i));
    strength[i] = opacity * Math.min(1, (Math.abs(value) / end) ** 0.8);
  }
  for (let at = 0; at < index.length; at++) {
    const piece = index[at] as number;
    const pixel = at * 4;
    let red = rgba[pixel] as number;
    let green = rgba[pixel + 1] as number;
    let blue = rgba[pixel + 2] as number;
    const grey = 0.3 * red + 0.59 * green + 0.11 * blue;
    red += (grey - red) * opacity;
    green += (grey - green) * opacity;
    blue += (grey - blue) * opacity;
    if (drawn[piece]) {
      const lowers = (values[piece] as number) < 0;
      const colour = lowers ? LOWERS : RAISES;
      const heatHere = strength[piece] as number;
      const striped = lowers && ((at % width) + Math.floor(at / width)) % 12 < 4;
      const tint = lowers ? (striped ? Math.min(1, heatHere + 0.15 * opacity) : 0.45 * heatHere) : 0.8 * heatHere;
      red += (colour[0] - red) * tint;
      green += (colour[1] - green) * tint;
      blue += (colour[2] - blue) * tint;
    }
    if (covered?.[at]) red = green = blue = ((at % width) + Math.floor(at / width)) % 8 < 2 ? 96 : 226;
    if (edges[at]) {
      const white = outlined ? 0.9 : drawn[piece] ? 0.55 : 0.22;
      red += (255 - red) * white;
      green += (255 - green) * white;
      blue += (255 - blue) * white;
    }
    out[pixel] = red;
    out[pixel + 1] = green;
    out[pixel + 2] = blue;
    out[pixel + 3] = 255;
  }
}
