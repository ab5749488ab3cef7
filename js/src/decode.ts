/** What arrives as bytes becomes typed arrays here. Hosts hand over DataViews at any offset, so nothing assumes alignment. */

export type Binary = DataView | ArrayBuffer | ArrayBufferView;

/** The bytes of a buffer in whatever dress the host put it. */
export function bytes(binary: Binary): Uint8Array<ArrayBuffer> {
  if (binary instanceof ArrayBuffer) return new Uint8Array(binary);
  return new Uint8Array(binary.buffer as ArrayBuffer, binary.byteOffset, binary.byteLength);
}

/** Bytes that start at a multiple of `size`, copied only if they do not already. */
function aligned(binary: Binary, size: number): { buffer: ArrayBuffer; offset: number; length: number } {
  const raw = bytes(binary);
  const length = Math.floor(raw.byteLength / size);
  if (raw.byteOffset % size === 0) return { buffer: raw.buffer, offset: raw.byteOffset, length };
  return { buffer: raw.slice().buffer, offset: 0, length };
}

export function float32(binary: Binary | undefined): Float32Array | null {
  if (!binary) return null;
  const { buffer, offset, length } = aligned(binary, 4);
  return new Float32Array(buffer, offset, length);
}

export function uint16(binary: Binary): Uint16Array {
  const { buffer, offset, length } = aligned(binary, 2);
  return new Uint16Array(buffer, offset, length);
}

export function int8(binary: Binary): Int8Array {
  const raw = bytes(binary);
  return new Int8Array(raw.buffer, raw.byteOffset, raw.byteLength);
}

/** IEEE half precision, which browsers do not all know yet. */
export function float16(binary: Binary | undefined): Float32Array | null {
  if (!binary) return null;
  const halves = uint16(binary);
  const out = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) {
    const bits = halves[i] as number;
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 0x1f;
    const fraction = bits & 0x3ff;
    if (exponent === 0) out[i] = sign * 2 ** -14 * (fraction / 1024);
    else if (exponent === 31) out[i] = fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
    else out[i] = sign * 2 ** (exponent - 15) * (1 + fraction / 1024);
  }
  return out;
}

/** Undoes Python's `zlib.compress`. */
export async function inflate(binary: Binary): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes(binary)]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** The superpixel of each pixel, row by row. */
export async function labelMap(binary: Binary): Promise<Uint16Array> {
  return uint16(await inflate(binary));
}

/** Whether two pieces of state say the same, buffers included: an unchanged layout is not decoded or drawn anew. */
export function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (a instanceof ArrayBuffer || ArrayBuffer.isView(a)) {
    if (!(b instanceof ArrayBuffer || ArrayBuffer.isView(b))) return false;
    const [left, right] = [bytes(a), bytes(b)];
    return left.length === right.length && left.every((byte, i) => byte === right[i]);
  }
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => key in right && same(left[key], right[key]));
}
