/** What an adjustment does to a photo, at once and here. The rules are those of Python's `whatif.images`. */
import type { Adjustment } from "./edits";

export interface Dial {
  kind: Adjustment;
  low: number;
  high: number;
  /** Distance of two steps of the slider. */
  step: number;
}

const minus = (amount: number, text: string) => `${amount < 0 ? "\u2212" : ""}${text}`;

/** `4 px`, `+20 %`, `−90°` */
export function amountText(kind: Adjustment, amount: number): string {
  const size = Math.abs(amount);
  if (kind === "blur") return `${Number(size.toFixed(2))} px`;
  if (kind === "rotation") return minus(amount, `${Math.round(size)}\u00b0`);
  const percent = `${Math.round(100 * size)} %`;
  return kind === "noise" || amount <= 0 ? minus(amount, percent) : `+${percent}`;
}

/** The dials of a photo of this size. */
export function dialsOf(width: number, height: number): Dial[] {
  const size = Math.max(width, height);
  // a blur over a twentieth of the photo leaves nothing to recognise
  const most = size >= 200 ? Math.round(size / 20) : Math.max(1, Math.round(size / 2) / 10);
  return [
    { kind: "blur", low: 0, high: most, step: most >= 20 ? 0.5 : most >= 4 ? 0.2 : most / 20 },
    { kind: "noise", low: 0, high: 0.5, step: 0.01 },
    { kind: "brightness", low: -0.8, high: 0.8, step: 0.02 },
    { kind: "contrast", low: -1, high: 2, step: 0.05 },
    { kind: "rotation", low: -180, high: 180, step: 3 },
  ];
}

/** The photo after the adjustments, in Python's order. `pixel` is how many image pixels one of these is wide. */
export function develop(
  rgba: Uint8ClampedArray,
  width: number,
  height: number,
  pixel: number,
  adjusted: ReadonlyMap<Adjustment, number>,
): Uint8ClampedArray {
  const amount = (kind: Adjustment) => adjusted.get(kind) ?? 0;
  const blur = amount("blur") / pixel;
  let photo = blur > 0 ? blurred(rgba, width, height, blur) : rgba;
  const [noise, light, contrast] = [Math.abs(amount("noise")), amount("brightness"), amount("contrast")];
  if (noise > 0 || light !== 0 || contrast !== 0) photo = toned(photo, noise, light, contrast);
  return amount("rotation") === 0 ? photo : turned(photo, width, height, amount("rotation"));
}

const { imul } = Math;
const GRAINS = 65_521;
let grains: Float32Array | null = null;

/** Nearly normal numbers of deviation 1, always the same. Their pattern differs from Python's, their strength does not. */
function grain(): Float32Array {
  if (grains) return grains;
  grains = new Float32Array(GRAINS);
  let seed = 1;
  for (let at = 0; at < GRAINS; at++) {
    seed = (imul(seed, 1664525) + 1013904223) >>> 0;
    const mixed = imul(seed ^ (seed >>> 15), 0x2c1b3c6d) >>> 0;
    // four bytes together have a mean of 510 and a deviation of 147.8
    grains[at] = ((mixed & 255) + ((mixed >>> 8) & 255) + ((mixed >>> 16) & 255) + (mixed >>> 24) - 510) / 147.8;
  }
  return grains;
}

/** Noise, brightness and contrast in one go: (value + noise + light - mean) (1 + contrast) + mean. */
function toned(rgba: Uint8ClampedArray, noise: number, light: number, contrast: number): Uint8ClampedArray {
  const out = new Uint8ClampedArray(rgba.length);
  const [shift, factor] = [255 * light, 1 + Math.max(contrast, -1)];
  let sum = 0;
  for (let at = 0; at < rgba.length; at += 4)
    sum += (rgba[at] as number) + (rgba[at + 1] as number) + (rgba[at + 2] as number);
  const mean = sum / (0.75 * rgba.length) + shift;
  const tone = Float32Array.from({ length: 256 }, (_, value) => mean + factor * (value + shift - mean));
  const table = noise > 0 ? grain() : null;
  const strength = 255 * noise * factor;
  let next = 0;
  for (let at = 0; at < rgba.length; at++) {
    if ((at & 3) === 3) out[at] = 255;
    else if (table) {
      out[at] = (tone[rgba[at] as number] as number) + strength * (table[next] as number);
      if (++next === GRAINS) next = 0;
    } else out[at] = tone[rgba[at] as number] as number;
  }
  return out;
}

/** Turned about its middle; edges are repeated. */
function turned(rgba: Uint8ClampedArray, width: number, height: number, degrees: number): Uint8ClampedArray {
  const from = new Uint32Array(rgba.buffer, rgba.byteOffset, width * height);
  const to = new Uint32Array(width * height);
  const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  const [cx, cy] = [(width - 1) / 2, (height - 1) / 2];
  for (let y = 0; y < height; y++) {
    let fromY = cos * (y - cy) - sin * cx + cy + 0.5;
    let fromX = -cos * cx - sin * (y - cy) + cx + 0.5;
    for (let x = 0; x < width; x++) {
      const row = fromY < 0 ? 0 : fromY >= height ? height - 1 : fromY | 0;
      const column = fromX < 0 ? 0 : fromX >= width ? width - 1 : fromX | 0;
      to[y * width + x] = from[row * width + column] as number;
      fromY += sin;
      fromX += cos;
    }
  }
  return new Uint8ClampedArray(to.buffer);
}

/** From this deviation on, in pixels, a photo of half the size is blurred instead: nobody sees the difference. */
const COARSE = 3;

/** Three running means along both axes: close to a Gaussian, at the same cost for any width. */
function blurred(rgba: Uint8ClampedArray, width: number, height: number, sigma: number): Uint8ClampedArray {
  const step = sigma >= COARSE && width > 1 && height > 1 ? 2 : 1;
  const [w, h] = [Math.ceil(width / step), Math.ceil(height / step)];
  // three boxes of 2r + 1 pixels have the variance r (r + 1); the last few are one wider, to come nearest to sigma's
  const variance = (sigma / step) ** 2;
  const radius = Math.floor(-0.5 + Math.sqrt(0.25 + variance));
  const wider = Math.round((1.5 * (variance - radius * (radius + 1))) / (radius + 1));
  const out = new Uint8ClampedArray(rgba.length);
  const [plane, spare] = [new Float32Array(w * h), new Float32Array(w * h)];
  for (let channel = 0; channel < 3; channel++) {
    for (let y = 0; y < h; y++)
      for (let x = 0; x < w; x++) {
        const at = 4 * (step * y * width + step * x) + channel;
        const right = step === 2 && step * x + 1 < width ? 4 : 0;
        const below = step === 2 && step * y + 1 < height ? 4 * width : 0;
        plane[y * w + x] =
          0.25 *
          ((rgba[at] as number) +
            (rgba[at + right] as number) +
            (rgba[at + below] as number) +
            (rgba[at + right + below] as number));
      }
    for (let pass = 0; pass < 3; pass++) {
      const reach = radius + Number(pass >= 3 - wider);
      alongRows(plane, spare, w, h, reach);
      alongColumns(spare, plane, w, h, reach);
    }
    for (let y = 0; y < height; y++) {
      const row = Math.max(0, Math.min(h - 1, (y + 0.5) / step - 0.5));
      const [top, low] = [Math.floor(row) * w, Math.min(h - 1, Math.floor(row) + 1) * w];
      const down = row - Math.floor(row);
      for (let x = 0; x < width; x++) {
        const column = step === 1 ? x : Math.max(0, Math.min(w - 1, 0.5 * x - 0.25));
        const left = column | 0;
        const right = left + 1 < w ? left + 1 : left;
        const across = column - left;
        const upper = (plane[top + left] as number) * (1 - across) + (plane[top + right] as number) * across;
        const lower = (plane[low + left] as number) * (1 - across) + (plane[low + right] as number) * across;
        out[4 * (y * width + x) + channel] = upper + (lower - upper) * down;
      }
    }
  }
  for (let at = 3; at < out.length; at += 4) out[at] = 255;
  return out;
}

/** Means of 2r + 1 neighbours in each row; edges are repeated. */
function alongRows(from: Float32Array, to: Float32Array, w: number, h: number, radius: number): void {
  const share = 1 / (2 * radius + 1);
  for (let y = 0; y < h; y++) {
    const [first, last] = [y * w, y * w + w - 1];
    let sum = 0;
    for (let i = -radius; i <= radius; i++) sum += from[Math.max(first, Math.min(last, first + i))] as number;
    for (let at = first; at <= last; at++) {
      to[at] = sum * share;
      const [next, gone] = [at + radius + 1, at - radius];
      sum += (from[next > last ? last : next] as number) - (from[gone < first ? first : gone] as number);
    }
  }
}

/** The same down the columns, a row at a time, as memory likes it. */
function alongColumns(from: Float32Array, to: Float32Array, w: number, h: number, radius: number): void {
  const share = 1 / (2 * radius + 1);
  const sums = new Float32Array(w);
  const row = (y: number) => w * Math.max(0, Math.min(h - 1, y));
  for (let i = -radius; i <= radius; i++) {
    const start = row(i);
    for (let x = 0; x < w; x++) sums[x] = (sums[x] as number) + (from[start + x] as number);
  }
  for (let y = 0; y < h; y++) {
    const [here, next, gone] = [y * w, row(y + radius + 1), row(y - radius)];
    for (let x = 0; x < w; x++) {
      to[here + x] = (sums[x] as number) * share;
      sums[x] = (sums[x] as number) + (from[next + x] as number) - (from[gone + x] as number);
    }
  }
}
