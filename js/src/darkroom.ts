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
  if (adjusted.size === 0) return rgba;
  const planes = [0, 1, 2].map((channel) => {
    const plane = new Float32Array(width * height);
    for (let at = 0; at < plane.length; at++) plane[at] = rgba[4 * at + channel] as number;
    return plane;
  });
  const blur = (adjusted.get("blur") ?? 0) / pixel;
  if (blur > 0) for (const plane of planes) soften(plane, width, height, blur);
  const noise = Math.abs(adjusted.get("noise") ?? 0);
  if (noise > 0) {
    let seed = 1;
    for (const plane of planes)
      for (let at = 0; at < plane.length; at++) {
        seed = next(seed);
        plane[at] = (plane[at] as number) + 255 * noise * grain(seed);
      }
  }
  const light = 255 * (adjusted.get("brightness") ?? 0);
  const contrast = 1 + Math.max(adjusted.get("contrast") ?? 0, -1);
  if (light !== 0 || contrast !== 1) {
    let sum = 0;
    for (const plane of planes) for (let at = 0; at < plane.length; at++) sum += plane[at] as number;
    const mean = sum / (3 * width * height) + light;
    for (const plane of planes)
      for (let at = 0; at < plane.length; at++) plane[at] = mean + contrast * ((plane[at] as number) + light - mean);
  }
  const from = turned(width, height, adjusted.get("rotation") ?? 0);
  const out = new Uint8ClampedArray(rgba.length);
  for (let at = 0; at < width * height; at++) {
    const source = from ? (from[at] as number) : at;
    for (let channel = 0; channel < 3; channel++) out[4 * at + channel] = planes[channel]?.[source] as number;
    out[4 * at + 3] = 255;
  }
  return out;
}

/** Where each pixel of a turned photo comes from; edges are repeated. */
function turned(width: number, height: number, degrees: number): Uint32Array | null {
  if (degrees === 0) return null;
  const from = new Uint32Array(width * height);
  const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  const [cx, cy] = [(width - 1) / 2, (height - 1) / 2];
  const inside = (value: number, most: number) => Math.max(0, Math.min(most, Math.round(value)));
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const fromY = inside(cos * (y - cy) + sin * (x - cx) + cy, height - 1);
      const fromX = inside(cos * (x - cx) - sin * (y - cy) + cx, width - 1);
      from[y * width + x] = fromY * width + fromX;
    }
  return from;
}

/** Three running means along both axes come close to a Gaussian and cost the same for any width. */
function soften(plane: Float32Array, width: number, height: number, sigma: number): void {
  // three boxes of 2r + 1 have the variance r (r + 1)
  const radius = Math.max(1, Math.round(-0.5 + Math.sqrt(0.25 + sigma * sigma)));
  const line = new Float32Array(Math.max(width, height));
  for (let pass = 0; pass < 3; pass++) {
    for (let y = 0; y < height; y++) average(plane, line, y * width, 1, width, radius);
    for (let x = 0; x < width; x++) average(plane, line, x, width, height, radius);
  }
}

function average(plane: Float32Array, line: Float32Array, start: number, stride: number, n: number, radius: number) {
  for (let i = 0; i < n; i++) line[i] = plane[start + i * stride] as number;
  const at = (i: number) => line[i < 0 ? 0 : i >= n ? n - 1 : i] as number;
  let sum = 0;
  for (let i = -radius; i <= radius; i++) sum += at(i);
  const share = 1 / (2 * radius + 1);
  for (let i = 0; i < n; i++) {
    plane[start + i * stride] = sum * share;
    sum += at(i + radius + 1) - at(i - radius);
  }
}

const next = (seed: number) => (Math.imul(seed, 1664525) + 1013904223) >>> 0;

/** Nearly normal: four bytes of one number, of deviation 1. Its grain differs from Python's, its strength does not. */
function grain(bits: number): number {
  const mixed = Math.imul(bits ^ (bits >>> 15), 0x2c1b3c6d) >>> 0;
  const sum = (mixed & 255) + ((mixed >>> 8) & 255) + ((mixed >>> 16) & 255) + (mixed >>> 24);
  return (sum - 510) / 147.8;
}
