import { deflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { bytes, float16, float32, int8, labelMap, same, uint16 } from "../src/decode";
import { readFrame, slice } from "../src/estimate";
import type { Frame } from "../src/schema.gen";
import { revive } from "../src/standin";
import { floats, frame, packed, view } from "./fixtures";

describe("buffers", () => {
  it("are read at any offset, without touching their neighbours", () => {
    for (const offset of [0, 1, 2, 3, 4, 7]) {
      expect([...(float32(view([1.5, -2, 0.25], offset)) ?? [])]).toEqual([1.5, -2, 0.25]);
    }
  });

  it("may be DataViews, arrays or plain buffers", () => {
    const raw = new Uint8Array([1, 2, 255, 128]);
    expect([...bytes(raw.buffer)]).toEqual([1, 2, 255, 128]);
    expect([...int8(new DataView(raw.buffer, 1))]).toEqual([2, -1, -128]);
    expect([...uint16(raw.subarray(1))]).toEqual([0xff02]);
  });

  it("drop a ragged tail rather than throw", () => {
    expect(float32(new DataView(new ArrayBuffer(6)))).toHaveLength(1);
    expect(float32(undefined)).toBeNull();
  });

  it("hold half floats: subnormal, normal, infinite, none", () => {
    const halves = new Uint16Array([0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00, 0xfc00, 0x7e00, 0x8000, 0x3555]);
    const read = float16(new DataView(halves.buffer)) as Float32Array;
    expect([...read.slice(0, 6)]).toEqual([1, -2, 2 ** -24, 65504, Infinity, -Infinity]);
    expect(read[6]).toBeNaN();
    expect(Object.is(read[7], -0)).toBe(true);
    expect(read[8]).toBeCloseTo(1 / 3, 3);
  });

  it("hold deflated label maps", async () => {
    const labels = new Uint16Array([0, 1, 700, 65535]);
    const squeezed = deflateSync(Buffer.from(labels.buffer));
    const odd = new Uint8Array(squeezed.length + 3);
    odd.set(squeezed, 3);
    expect([...(await labelMap(new DataView(odd.buffer, 3)))]).toEqual([0, 1, 700, 65535]);
  });
});

describe("a frame", () => {
  it("keeps absent buffers absent and slices one output", () => {
    const read = readFrame(
      revive(frame({ n_features: 2, values: floats(1, 2, 3, 4), predictions: floats(0.5, 0.5) })) as never,
    );
    expect(read.std_errors).toBeNull();
    expect([...(slice(read.values, 1, 2) ?? [])]).toEqual([3, 4]);
    expect(slice(read.values, 2, 2)).toBeNull();
    expect(slice(read.values, -1, 2)).toBeNull();
  });

  it("scales a pixel map", () => {
    const data = { $b64: Buffer.from(new Int8Array([127, -127, 0]).buffer).toString("base64") };
    const pixels = { target: 3, width: 3, height: 1, scale: 0.5, data };
    const read = readFrame(revive(frame({ pixels, predictions: floats(1) })) as never);
    expect([...(read.pixels.get(3)?.values ?? [])]).toEqual([0.5, -0.5, 0]);
    const exact = {
      target: 1,
      width: 2,
      height: 1,
      scale: 3,
      exact: true,
      data: packed(new Uint16Array([0x3c00, 0xb800])),
    };
    const both = readFrame(revive(frame({ pixels, maps: [exact], predictions: floats(0.5) })) as Frame);
    expect([...both.pixels.keys()]).toEqual([3, 1]);
    expect([...(both.pixels.get(1)?.values ?? [])]).toEqual([3, -1.5]);
  });
});

describe("same", () => {
  it("compares buffers by content and everything else by value", () => {
    expect(same({ a: [1, { b: view([1, 2], 1) }] }, { a: [1, { b: view([1, 2], 3) }] })).toBe(true);
    expect(same({ b: view([1, 2]) }, { b: view([1, 3]) })).toBe(false);
    expect(same({ a: 1 }, { a: 1, b: undefined })).toBe(false);
    expect(same(null, {})).toBe(false);
    expect(same(Number.NaN, Number.NaN)).toBe(true);
  });
});
