import { describe, expect, it } from "vitest";
import type { Estimate } from "../src/estimate";
import { chosenTarget, offerOutputs } from "../src/outputs";
import { geometry } from "./fixtures";

function estimate(predictions: number[], targets: number[]): Estimate {
  const names = targets.map((target) => `name ${target}`);
  return { predictions: new Float32Array(predictions), targets, target_names: names } as Estimate;
}

describe("the target switch", () => {
  it("offers the explained outputs first, each group by prediction, ties in the model's order", () => {
    const now = estimate([0.1, 0.2, 0.3, 0.2, 0.2], [1, 0]);
    const offer = offerOutputs(geometry({}, { n_outputs: 5, output_names: ["a", "b", "c", "d", "e"] }), now, 1);
    expect(offer.near.map(({ index }) => index)).toEqual([1, 0, 2]);
    expect(offer.near.map(({ explained }) => explained)).toEqual([true, true, false]);
    expect(offer.near[0]?.name).toBe("name 1");
    expect(offer.near[2]?.name).toBe("c");
    expect(offer.more).toBe(2);
    expect(offer.rest().map(({ index }) => index)).toEqual([3, 4]);
  });

  it("keeps the model's order for two outputs, so that they never swap", () => {
    const offer = offerOutputs(geometry({}), estimate([0.2, 0.8], [0, 1]), 0);
    expect(offer.near.map(({ index }) => index)).toEqual([0, 1]);
    expect(offer.more).toBe(0);
  });

  it("always shows the chosen one", () => {
    const now = estimate([0.5, 0.3, 0.1, 0.06, 0.04], [0, 1, 2, 3]);
    const offer = offerOutputs(geometry({}, { n_outputs: 5 }), now, 4);
    expect(offer.near.map(({ index }) => index)).toEqual([0, 1, 4]);
    expect(offer.rest().map(({ index }) => index)).toEqual([2, 3]);
  });

  it("is quick and lazy with a hundred thousand outputs, and names those beyond the list by number", () => {
    const many = Array.from({ length: 100_000 }, (_, i) => (i === 99_999 ? 0.9 : 1e-6));
    const offer = offerOutputs(geometry({}, { n_outputs: 100_000 }), estimate(many, [99_999]), 99_999);
    expect(offer.near.map(({ index }) => index)).toEqual([99_999, 0, 1]);
    expect(offer.more).toBe(99_997);
    expect(offer.rest()).toHaveLength(2000);
    expect(offer.rest()[0]?.name).toBe("output 2");
  });

  it("works before there is a prediction", () => {
    const offer = offerOutputs(geometry({}), null, 0);
    expect(offer.near.map(({ name }) => name)).toEqual(["bad credit", "good credit"]);
    expect(offer.near[0]?.value).toBeNaN();
  });
});

describe("the chosen output", () => {
  const now = estimate([0.1, 0.9, 0], [1, 0]);
  it("is the first explained one, the display's if explained or asked for", () => {
    expect(chosenTarget(now, {}, {})).toBe(1);
    expect(chosenTarget(now, { target: 0 }, {})).toBe(0);
    expect(chosenTarget(now, { target: 2 }, {})).toBe(1);
    expect(chosenTarget(now, { target: 2 }, { targets: [1, 2] })).toBe(2);
    expect(chosenTarget(null, {}, {})).toBe(0);
  });
});
