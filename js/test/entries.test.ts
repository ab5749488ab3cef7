/** Entries of a text's list, and the order of thousands of weights. */
import { describe, expect, it } from "vitest";
import { byWeight } from "../src/ranking";
import type { TextLayout } from "../src/schema.gen";
import { entriesOf } from "../src/views/entries";
import { plain, sentence } from "../src/words";

const NAMES = ["So", "dull", "so", "long", "SO"];
const layout = {
  type: "tokens",
  text: "So dull so long SO",
  offsets: [
    [0, 2],
    [3, 7],
    [8, 10],
    [11, 15],
    [16, 18],
  ],
  groups: [],
} as unknown as TextLayout;
const picture = { values: new Float32Array([1, -2, 4, 0.5, -1]), errors: new Float32Array([3, 1, 4, 1, 0]) };

describe("entries", () => {
  it("are the features, where equal words stay apart", () => {
    const found = entriesOf(layout, NAMES, picture, false);
    expect(found.count).toBe(5);
    expect(found.ofFeature).toEqual([0, 1, 2, 3, 4]);
    expect(found.at(2)).toEqual({ key: 2, word: "so", count: 1, value: 4, error: 4 });
    expect([found.at(5), found.at(null), found.at(-1)]).toEqual([undefined, undefined, undefined]);
  });

  it("add up what spells the same, at its first word", () => {
    const found = entriesOf(layout, NAMES, picture, true);
    expect(found.ofFeature).toEqual([0, 1, 0, 2, 0]);
    expect(found.at(0)).toEqual({ key: 0, word: "So", count: 3, value: 4, error: 5 });
    expect(found.at(2)).toEqual({ key: 2, word: "long", count: 1, value: 0.5, error: 1 });
    // the same words with the numbers of another output
    const other = entriesOf(layout, NAMES, { values: new Float32Array([1, 1, 1, 1, 1]), errors: null }, true);
    expect(other.at(0)).toEqual({ key: 0, word: "So", count: 3, value: 3, error: undefined });
    expect(entriesOf(layout, NAMES, picture, false).count).toBe(5);
  });

  it("have no value before there is one", () => {
    for (const grouped of [false, true]) {
      const found = entriesOf(layout, NAMES, { values: null, errors: null }, grouped);
      expect(found.values).toBeNull();
      expect(found.at(0)?.value).toBeNaN();
    }
    const inserted = entriesOf(layout, [...NAMES, "so"], picture, true);
    expect(inserted.at(0)?.value).toBeNaN();
    expect(inserted.at(1)?.value).toBe(-2);
  });
});

/** Weights with ties, signs, zeros and gaps, none of them in order. */
const many = Float32Array.from({ length: 3000 }, (_, i) =>
  i % 97 === 0 ? Number.NaN : (i % 3 ? 1 : -1) * ((i * 7919) % 251) * 10 ** ((i % 13) - 6),
);

describe("thousands of weights", () => {
  it("are ordered by magnitude, ties and those not known by their place", () => {
    const size = (i: number) => Math.abs(many[i] as number) || 0;
    const slow = [...many.keys()].sort((a, b) => size(b) - size(a) || a - b);
    expect(byWeight(many)).toEqual(slow);
    expect(byWeight([0.1, Number.NEGATIVE_INFINITY, -0, 0.1, -0.3])).toEqual([1, 4, 0, 3, 2]);
    expect(byWeight([])).toEqual([]);
  });

  it("are named in the sentence as if all had been sorted", () => {
    const values = many.map((value) => value || 0);
    const errors = values.map((value, i) => (i % 2 ? Math.abs(value) : 0));
    const sure = byWeight(values).filter((i) => i % 2 === 0 && (values[i] as number) !== 0);
    const raises = sure.filter((i) => (values[i] as number) > 0).slice(0, 3);
    const lowers = sure.filter((i) => (values[i] as number) < 0).slice(0, 2);
    const said = plain(sentence(values, errors, (i) => `w${i}`));
    expect(said).toBe(
      `Raised most by ${raises.map((i) => `w${i}`).join(", ")}; lowered by ${lowers.map((i) => `w${i}`).join(", ")}.`,
    );
  });
});
