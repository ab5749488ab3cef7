/** Paints attributions over a photo that turns grey under them. Pure pixel work, no DOM. */
import { LOWERS, RAISES, type Rgb } from "./colours";
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

/** Shares of white where pieces meet: on the cut alone, on a piece that is drawn, on another. */
const [OUTLINED, ON_HEAT, BESIDE] = [0.9, 0.55, 0.22];
const HIDDEN = [96, 226] as const;

/** Steps of strength that an eye can tell, and more. */
const STEPS = 255;

/** One pixel, as little-endian memory has it. */
const packed = ([red, green, blue]: Rgb, alpha: number) =>
  ((Math.round(255 * alpha) << 24) | (Math.round(blue) << 16) | (Math.round(green) << 8) | Math.round(red)) >>> 0;

/** A share of white over a colour that is itself a share. */
function whitened([red, green, blue]: Rgb, share: number, white: number): number {
  const alpha = 1 - (1 - share) * (1 - white);
  const mixed = (channel: number) => (alpha > 0 ? (channel * share * (1 - white) + 255 * white) / alpha : 0);
  return packed([mixed(red), mixed(green), mixed(blue)], alpha);
}

/**
 * What lies over the photo, with its opacity: heat, edges, hatching. Raises solid, lowers hatched: sign never
 * hangs on colour alone. It knows nothing of the photo's colours, so it stays while those are changed.
 */
export function heatLayer({ index, edges, width }: Omit<Ground, "rgba">, heat: Heat): Uint8ClampedArray {
  const { values, shown, end, opacity, covered = null, outlined = false } = heat;
  const count = values.length;
  // for each step of strength and either sign a plain and a striped pixel, then the same where pieces meet
  const colours = new Uint32Array(4 * (2 * STEPS + 1));
  for (let step = 0; step <= 2 * STEPS; step++) {
    const lowers = step > STEPS;
    const colour = lowers ? LOWERS : RAISES;
    const strength = opacity * ((lowers ? step - STEPS : step) / STEPS) ** 0.8;
    const plain = lowers ? 0.45 * strength : 0.8 * strength;
    const striped = lowers ? Math.min(1, strength + 0.15 * opacity) : plain;
    const white = outlined ? OUTLINED : step > 0 ? ON_HEAT : BESIDE;
    colours[4 * step] = packed(colour, plain);
    colours[4 * step + 1] = packed(colour, striped);
    colours[4 * step + 2] = whitened(colour, plain, white);
    colours[4 * step + 3] = whitened(colour, striped, white);
  }
  const steps = new Uint16Array(count + 1);
  for (let i = 0; i < count; i++) {
    const value = values[i] as number;
    if (!Number.isFinite(value) || !shown(i)) continue;
    const size = Math.max(1, Math.round(STEPS * Math.min(1, Math.abs(value) / end)));
    steps[i] = value < 0 ? STEPS + size : size;
  }
  const layer = new Uint32Array(index.length);
  const hatched = HIDDEN.map((grey) => packed([grey, grey, grey], 1));
  const meeting = edges.length > 0;
  for (let start = 0, y = 0; start < index.length; start += width, y++) {
    for (let x = 0; x < width; x++) {
      const at = start + x;
      const piece = index[at] as number;
      if (covered?.[at]) layer[at] = hatched[(x + y) % 8 < 2 ? 0 : 1] as number;
      else {
        const kind = Number((x + y) % 12 < 4) + (meeting && edges[at] ? 2 : 0);
        layer[at] = colours[4 * (steps[piece < count ? piece : count] as number) + kind] as number;
      }
    }
  }
  return new Uint8ClampedArray(layer.buffer);
}

/** Writes a photo that turns grey as its heat shows, and a layer over it. */
export function compose(
  out: Uint8ClampedArray,
  rgba: Uint8ClampedArray,
  layer: Uint8ClampedArray,
  opacity: number,
): void {
  const to = new Uint32Array(out.buffer, out.byteOffset, out.length >> 2);
  const greyed = Math.round(256 * opacity);
  for (let pixel = 0, at = 0; pixel < to.length; pixel++, at += 4) {
    const share = layer[at + 3] as number;
    let red = rgba[at] as number;
    let green = rgba[at + 1] as number;
    let blue = rgba[at + 2] as number;
    if (greyed > 0) {
      const grey = (77 * red + 151 * green + 28 * blue + 128) >> 8;
      red += ((grey - red) * greyed + 128) >> 8;
      green += ((grey - green) * greyed + 128) >> 8;
      blue += ((grey - blue) * greyed + 128) >> 8;
    }
    if (share > 0) {
      red += (((layer[at] as number) - red) * share * 257 + 32768) >> 16;
      green += (((layer[at + 1] as number) - green) * share * 257 + 32768) >> 16;
      blue += (((layer[at + 2] as number) - blue) * share * 257 + 32768) >> 16;
    }
    to[pixel] = 0xff000000 | (blue << 16) | (green << 8) | red;
  }
}
