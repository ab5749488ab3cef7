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
/** Noise and tones are whole numbers of this many parts of one shade. */
const FINE = 256;
let grains: Int16Array | null = null;

/** Nearly normal numbers of deviation 1, in fine parts, always the same. Their pattern differs from Python's, their strength does not. */
function grain(): Int16Array {
  if (grains) return grains;
  grains = new Int16Array(GRAINS);
  let seed = 1;
  for (let at = 0; at < GRAINS; at++) {
    seed = (imul(seed, 1664525) + 1013904223) >>> 0;
    const mixed = imul(seed ^ (seed >>> 15), 0x2c1b3c6d) >>> 0;
    // four bytes together have a mean of 510 and a deviation of 147.8
    const four = (mixed & 255) + ((mixed >>> 8) & 255) + ((mixed >>> 16) & 255) + (mixed >>> 24);
    grains[at] = Math.round((FINE * (four - 510)) / 147.8);
  }
  return grains;
}

const shade = (value: number) => (value < 0 ? 0 : value > 255 ? 255 : value);

/** Noise, brightness and contrast in one go: (value + noise + light - mean) (1 + contrast) + mean. */
function toned(rgba: Uint8ClampedArray, noise: number, light: number, contrast: number): Uint8ClampedArray {
  const to = new Uint32Array(rgba.length >> 2);
  const [shift, factor] = [255 * light, 1 + Math.max(contrast, -1)];
  let sum = 0;
  for (let at = 0; at < rgba.length; at += 4)
    sum += (rgba[at] as number) + (rgba[at + 1] as number) + (rgba[at + 2] as number);
  const mean = sum / (0.75 * rgba.length) + shift;
  // half a shade more, as what is left of the parts is cut off
  const tone = Int32Array.from({ length: 256 }, (_, value) =>
    Math.round(FINE * (mean + factor * (value + shift - mean) + 0.5)),
  );
  const table = grain();
  const strength = Math.round(255 * noise * factor * FINE);
  let next = 0;
  for (let pixel = 0, at = 0; pixel < to.length; pixel++, at += 4) {
    if (next + 2 >= GRAINS) next = (next + 2) % GRAINS;
    const red = (tone[rgba[at] as number] as number) + ((strength * (table[next] as number)) >> 8);
    const green = (tone[rgba[at + 1] as number] as number) + ((strength * (table[next + 1] as number)) >> 8);
    const blue = (tone[rgba[at + 2] as number] as number) + ((strength * (table[next + 2] as number)) >> 8);
    to[pixel] = 0xff000000 | (shade(blue >> 8) << 16) | (shade(green >> 8) << 8) | shade(red >> 8);
    next += 3;
  }
  return new Uint8ClampedArray(to.buffer);
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

/** What a photo of so many times fewer pixels a side, smoothed between them again, has of blur already: its variance. */
const coarse = (step: number) => (step * step - 1) / 12 + (step > 1 ? (step * step) / 6 : 0);

/** How many times fewer pixels a side a photo may have to be blurred: as many as leave something to be done. */
function stepOf(variance: number, size: number): number {
  for (const step of [8, 4, 2])
    if (size >= 4 * step && variance >= coarse(step) + (step === 2 ? 1.2 : 0.7 * step * step)) return step;
  return 1;
}

/** Numbers of a pixel, the opacity with them: a photo is one array then. */
const CHANNELS = 4;

/** Running means along both axes, one after another: close to a Gaussian, at the same cost for any width. */
function blurred(rgba: Uint8ClampedArray, width: number, height: number, sigma: number): Uint8ClampedArray {
  const step = stepOf(sigma * sigma, Math.min(width, height));
  const [w, h] = [Math.ceil(width / step), Math.ceil(height / step)];
  // three boxes of 2r + 1 pixels have the variance r (r + 1); the last few are one wider, to come nearest to sigma's
  const variance = (sigma * sigma - coarse(step)) / (step * step);
  const radius = variance < 2.2 ? 0 : Math.floor(-0.5 + Math.sqrt(0.25 + variance));
  const wider = Math.round((1.5 * (variance - radius * (radius + 1))) / (radius + 1));
  // five neighbours of unequal weight have any small variance
  const passes = radius > 0 ? 3 : variance > 1.33 ? 2 : 1;
  let plane: Float32Array = step === 1 ? new Float32Array(rgba) : thinned(rgba, width, height, step);
  let spare: Float32Array = new Float32Array(plane.length);
  for (let pass = 0; pass < passes; pass++)
    for (const axis of [
      [h, w, CHANNELS],
      [1, h, CHANNELS * w],
    ] as const) {
      if (radius > 0) means(plane, spare, axis, radius + Number(pass >= 3 - wider));
      else neighbours(plane, spare, axis, variance / passes);
      [plane, spare] = [spare, plane];
    }
  return step === 1 ? new Uint8ClampedArray(plane) : smoothed(plane, width, height, step);
}

/** A photo at so many times fewer pixels a side: the means of its colours. */
function thinned(rgba: Uint8ClampedArray, width: number, height: number, step: number): Float32Array {
  const [w, h] = [Math.ceil(width / step), Math.ceil(height / step)];
  const plane = new Float32Array(CHANNELS * w * h);
  for (let y = 0, from = 0; y < height; y++) {
    const rows = Math.min(step, height - (y - (y % step)));
    for (let x = 0, at = CHANNELS * w * Math.floor(y / step); x < width; x += step, at += CHANNELS) {
      const columns = Math.min(step, width - x);
      let [red, green, blue] = [0, 0, 0];
      for (let i = 0; i < columns; i++, from += CHANNELS) {
        red += rgba[from] as number;
        green += rgba[from + 1] as number;
        blue += rgba[from + 2] as number;
      }
      const share = 1 / (rows * columns);
      plane[at] = (plane[at] as number) + red * share;
      plane[at + 1] = (plane[at + 1] as number) + green * share;
      plane[at + 2] = (plane[at + 2] as number) + blue * share;
    }
  }
  return plane;
}

/** Such a photo at full size, along straight lines between its pixels. */
function smoothed(plane: Float32Array, width: number, height: number, step: number): Uint8ClampedArray {
  const [w, h] = [Math.ceil(width / step), Math.ceil(height / step)];
  const to = new Uint32Array(width * height);
  const between = (place: number, last: number) => Math.max(0, Math.min(last, (place + 0.5) / step - 0.5));
  // of a row first the colours at its height, then those between them
  const wide = CHANNELS * w;
  const line = new Float32Array(wide + CHANNELS);
  const columns = Float32Array.from({ length: width }, (_, x) => between(x, w - 1));
  for (let y = 0; y < height; y++) {
    const row = between(y, h - 1);
    const [top, low] = [wide * Math.floor(row), wide * Math.min(h - 1, Math.floor(row) + 1)];
    const down = row - Math.floor(row);
    // half a shade more, as what is left of a shade is cut off
    for (let i = 0; i < wide; i++)
      line[i] = (plane[top + i] as number) + ((plane[low + i] as number) - (plane[top + i] as number)) * down + 0.5;
    for (let x = 0, at = y * width; x < width; x++, at++) {
      const column = columns[x] as number;
      const left = CHANNELS * (column | 0);
      const across = column - (column | 0);
      const right = across > 0 ? left + CHANNELS : left;
      const red = (line[left] as number) + ((line[right] as number) - (line[left] as number)) * across;
      const green = (line[left + 1] as number) + ((line[right + 1] as number) - (line[left + 1] as number)) * across;
      const blue = (line[left + 2] as number) + ((line[right + 2] as number) - (line[left + 2] as number)) * across;
      to[at] = 0xff000000 | ((blue | 0) << 16) | ((green | 0) << 8) | (red | 0);
    }
  }
  return new Uint8ClampedArray(to.buffer);
}

/** `blocks` of `length` places of `wide` numbers each, one after another: rows of pixels, or one column of whole rows. */
type Axis = readonly [blocks: number, length: number, wide: number];

/** Means of 2r + 1 places; edges are repeated. */
function means(from: Float32Array, to: Float32Array, [blocks, length, wide]: Axis, radius: number): void {
  const share = 1 / (2 * radius + 1);
  const sums = new Float64Array(wide);
  for (let block = 0; block < blocks; block++) {
    const first = block * length * wide;
    const last = first + (length - 1) * wide;
    sums.fill(0);
    for (let place = -radius; place <= radius; place++)
      for (let i = 0, at = Math.max(first, Math.min(last, first + place * wide)); i < wide; i++, at++)
        sums[i] = (sums[i] as number) + (from[at] as number);
    for (let at = first; at <= last; at += wide) {
      const coming = Math.min(last, at + (radius + 1) * wide);
      const gone = Math.max(first, at - radius * wide);
      for (let i = 0; i < wide; i++) {
        const sum = sums[i] as number;
        to[at + i] = sum * share;
        sums[i] = sum + (from[coming + i] as number) - (from[gone + i] as number);
      }
    }
  }
}

/** Both neighbours with a weight that has this variance; where that is much, the next two as if it was done twice. */
function neighbours(from: Float32Array, to: Float32Array, [blocks, length, wide]: Axis, variance: number): void {
  const twice = variance > 0.67;
  const near = twice ? (variance / 2) * (1 - variance / 2) : variance / 2;
  const far = twice ? (variance / 4) ** 2 : 0;
  const own = 1 - 2 * (near + far);
  for (let block = 0; block < blocks; block++) {
    const first = block * length * wide;
    const last = first + (length - 1) * wide;
    for (let at = first; at <= last; at += wide) {
      const before = Math.max(first, at - wide);
      const after = Math.min(last, at + wide);
      const long = Math.max(first, at - 2 * wide);
      const next = Math.min(last, at + 2 * wide);
      for (let i = 0; i < wide; i++)
        to[at + i] =
          own * (from[at + i] as number) +
          near * ((from[before + i] as number) + (from[after + i] as number)) +
          far * ((from[long + i] as number) + (from[next + i] as number));
    }
  }
}
