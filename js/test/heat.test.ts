import { describe, expect, it } from "vitest";
import { LOWERS, luminance, parseColour, RAISES } from "../src/colours";
import { canvasSize, compose, edgesOf, type Ground, heatLayer, indexMap, middles, rimOf } from "../src/heat";

const labels = new Uint16Array([0, 0, 1, 1, 0, 0, 1, 1]);
const index = indexMap({ width: 4, height: 2, labels }, 8, 4);

function ground(): Ground {
  const rgba = new Uint8ClampedArray(8 * 4 * 4).map((_, i) => [200, 100, 50, 255][i % 4] as number);
  return { width: 8, height: 4, rgba, index, edges: new Uint8Array(32) };
}

const pixel = (out: Uint8ClampedArray, at: number) => [...out.slice(4 * at, 4 * at + 3)] as [number, number, number];
const paint = (values: number[], patch = {}) => {
  const out = new Uint8ClampedArray(8 * 4 * 4);
  const heat = { values, shown: () => true, end: 1, opacity: 1, ...patch };
  compose(out, ground().rgba, heatLayer(ground(), heat), heat.opacity);
  return out;
};

describe("the heat", () => {
  it("keeps the photo's proportions", () => {
    expect(canvasSize(400, 200)).toEqual([600, 300]);
    expect(canvasSize(1, 3000)).toEqual([1, 600]);
  });

  it("colours what raises, hatches what lowers, and greys the photo", () => {
    const out = paint([-1, 1]);
    expect(pixel(out, 7)[0] - pixel(out, 7)[2]).toBeGreaterThan(80);
    const lowers = [0, 1, 2, 3, 8, 9, 10, 11, 24, 25, 26, 27];
    expect(new Set(lowers.map((at) => pixel(out, at).join())).size).toBe(2);
    for (const at of lowers) expect(pixel(out, at)[2]).toBeGreaterThan(pixel(out, at)[0]);
    expect(new Set([4, 7, 28, 31].map((at) => pixel(out, at).join())).size).toBe(1);
    const grey = pixel(paint([0, 0], { shown: () => false }), 0);
    expect(Math.max(...grey) - Math.min(...grey)).toBeLessThanOrEqual(1);
  });

  it("leaves the photo alone at opacity 0 and without values", () => {
    expect(pixel(paint([1, -1], { opacity: 0 }), 0)).toEqual([200, 100, 50]);
    expect(pixel(paint([], { opacity: 0 }), 3)).toEqual([200, 100, 50]);
  });

  it("outlines the piece that is pointed at, and no other", () => {
    const rim = rimOf(ground(), 1);
    expect(rim).toContain(7);
    expect([...rim].every((at) => index[at] === 1)).toBe(true);
    expect(rimOf(ground(), 1)).toBe(rim); // looked for once
    expect(rimOf(ground(), 5).length).toBe(0);
  });

  it("does not draw what is below the threshold or not a number", () => {
    const out = paint([Number.NaN, 1], { shown: (i: number) => i === 0 });
    for (const at of [0, 7]) expect(new Set(pixel(out, at)).size).toBeLessThanOrEqual(2);
  });

  it("finds edges and a middle that lies in the piece", () => {
    expect(edgesOf(index, 8, 4)[3]).toBe(1);
    expect(edgesOf(index, 8, 4)[0]).toBe(0);
    const ring = new Uint32Array([0, 0, 0, 0, 1, 0, 0, 0, 0]);
    const [x, y] = middles(ring, 3, 3, 2)[0] as [number, number];
    expect(ring[Math.floor(y * 3) * 3 + Math.floor(x * 3)]).toBe(0);
  });
});

describe("colours", () => {
  it("are read in the forms that hosts use", () => {
    expect(parseColour("#fff")).toEqual([255, 255, 255]);
    expect(parseColour(" #111111 ")).toEqual([17, 17, 17]);
    expect(parseColour("rgb(1, 2, 3)")).toEqual([1, 2, 3]);
    expect(parseColour("rgba(0, 0, 0, 0)")).toBeNull();
    expect(parseColour("white")).toEqual([255, 255, 255]);
    expect(parseColour("var(--x)")).toBeNull();
  });

  it("of both signs are equally light, so that a grey print is fair", () => {
    expect(Math.abs(luminance(RAISES) - luminance(LOWERS))).toBeLessThan(0.05);
    expect(luminance([255, 255, 255])).toBeCloseTo(1);
  });
});
