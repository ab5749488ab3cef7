import { describe, expect, it } from "vitest";
import {
  decimalsFor,
  duration,
  fixed,
  measured,
  prediction,
  shortCondition,
  shortened,
  signed,
  significant,
  sumDecimals,
} from "../src/format";
import { couldBeZero, lineDomain, nextEnd, niceEnd, wantedEnd } from "../src/scales";
import type { Picture } from "../src/store";
import {
  announcement,
  countSentence,
  doubt,
  fitWords,
  gapWords,
  headUnit,
  mapSentence,
  placeAt,
  plain,
  poorFit,
  sentence,
  stateLine,
  thresholdOf,
  unitAfter,
} from "../src/words";
import { geometry, status } from "./fixtures";

describe("numbers", () => {
  it("carry a true minus, and zero carries no sign", () => {
    expect(fixed(-0.1286)).toBe("\u22120.129");
    expect(signed(0.1286)).toBe("+0.129");
    expect(signed(-0.0004)).toBe("0.000");
    expect(signed(0.0004)).toBe("0.000");
    expect(fixed(Number.NaN)).toBe("\u2026");
  });

  it("have three decimals as probabilities, else three significant digits and never fewer than the whole part", () => {
    expect(prediction(0.5, "probability")).toBe("0.500");
    expect([0, 4.9e-4, 5.1e-4, 1e-9].map((value) => prediction(value, "probability"))).toEqual([
      "0.000",
      "< 0.001",
      "0.001",
      "< 0.001",
    ]);
    expect([12.345, 0.012345, 213456.7, -1234, 0.5].map(significant)).toEqual([
      "12.3",
      "0.0123",
      "213,457",
      "\u22121,234",
      "0.500",
    ]);
    expect(significant(0.0000123)).toMatch(/1\.23e/);
  });

  it("line up in a column", () => {
    expect(decimalsFor("probability", 0.2)).toBe(3);
    expect(decimalsFor("probability", 0.004)).toBe(5);
    expect(decimalsFor("raw", 15000)).toBe(0);
    expect(decimalsFor("logit", 2.5)).toBe(2);
    expect(decimalsFor("raw", 0)).toBe(3);
    expect(sumDecimals("probability", 0.5, 0.0002)).toBe(3);
    expect(sumDecimals("probability", 0.0004, 0.0000015)).toBe(8);
    expect(sumDecimals("raw", 15000, 0.1)).toBe(0);
  });

  it("say time shortly", () => {
    expect([0.05, 0.44, 7.2, 222, 725, 7260].map(duration)).toEqual([
      "< 0.1 s",
      "0.4 s",
      "7 s",
      "222 s",
      "12 min 5 s",
      "2 h 1 min",
    ]);
  });

  it("shorten conditions and names", () => {
    expect(shortCondition("24.0 < duration <= 36.0", "duration")).toBe("24.0 to 36.0");
    expect(shortCondition("24 < duration \u2264 36", "duration")).toBe("24 to 36");
    expect(shortCondition("-0.07 < debt <= -0.01", "debt")).toBe("\u22120.07 to \u22120.01");
    expect(shortCondition("age > 36", "age")).toBe("> 36");
    expect(measured(2.8e-17)).toBe("0");
    expect(measured(2.8e-7)).toBe("2.80e-7");
    expect(shortCondition("x <= 3", "not in it")).toBe("x \u2264 3");
    expect(shortened("short")).toBe("short");
    expect([...shortened("a".repeat(60))]).toHaveLength(28);
    // a letter stays with its marks, and a family together
    const marked = "e\u0301\u0323";
    expect(shortened(marked.repeat(60))).toBe(`${marked.repeat(17)}\u2026${marked.repeat(10)}`);
    const family = "\u{1F469}\u200D\u{1F469}\u200D\u{1F467}";
    expect(shortened(family.repeat(60)).replaceAll(family, "")).toBe("\u2026");
    expect(shortened(marked.repeat(28))).toBe(marked.repeat(28));
  });
});

describe("scales", () => {
  it("end at round numbers", () => {
    expect([0.156, 0.2, 0.41, 7.1, 0].map(niceEnd)).toEqual([0.2, 0.2, 0.5, 8, 1]);
    expect(niceEnd(Number.NaN)).toBe(1);
  });

  it("let the wide intervals of a first batch run off rather than squeeze the bars", () => {
    expect(wantedEnd([0.1, -0.2], [0.02, 0.02])).toBe(0.25);
    expect(wantedEnd([0.1, -0.2], [5, 5])).toBe(0.4);
  });

  it("only grow while streaming and shrink below half at rest", () => {
    expect(nextEnd(undefined, 0.3, true)).toBe(0.3);
    expect(nextEnd(0.3, 0.1, true)).toBe(0.3);
    expect(nextEnd(0.3, 0.2, false)).toBe(0.3);
    expect(nextEnd(0.3, 0.1, false)).toBe(0.1);
    expect(nextEnd(0.3, 0.4, true)).toBe(0.4);
  });

  it("know an interval that contains zero", () => {
    expect(couldBeZero(0.0195, 0.01)).toBe(true);
    expect(couldBeZero(0.0197, 0.01)).toBe(false);
    expect(couldBeZero(0, undefined)).toBe(false);
    expect(couldBeZero(0.1, Number.NaN)).toBe(false);
  });

  it("span the number line", () => {
    expect(lineDomain("probability", [0.3, 0.6])).toEqual([0, 1]);
    expect(lineDomain("raw", [5.1, 37])).toEqual([5, 40]);
    expect(lineDomain("raw", [-0.07, 0.012])).toEqual([-0.08, 0.02]);
    expect(lineDomain("raw", [1234567, 1234568])).toEqual([1234567, 1234568]);
    const [low, high] = lineDomain("raw", [-1.2, 3.4, 0]);
    expect(low).toBeLessThanOrEqual(-1.2);
    expect(high).toBeGreaterThanOrEqual(3.4);
    const [same, other] = lineDomain("raw", [2, 2]);
    expect(other).toBeGreaterThan(same);
  });
});

describe("sentences", () => {
  const names = (i: number) => ["a", "b", "c", "d", "e", "f"][i] as string;
  const say = (values: number[], errors?: number[]) =>
    plain(sentence(new Float32Array(values), errors ? new Float32Array(errors) : null, names));

  it("name what raises and lowers, leaving out what could be zero", () => {
    expect(say([0.1, 0.3, 0.2, 0.05, -0.2, -0.4])).toBe("Raised most by b, c, a; lowered by f, e.");
    expect(say([0.1, 0.3, 0.2], [0.1, 0.01, 0.01])).toBe("Raised most by b, c; nothing clearly lowers it.");
    expect(say([-0.1, 0])).toBe("Lowered most by a; nothing clearly raises it.");
    expect(say([0.1], [0.2])).toBe("Nothing stands out from zero yet.");
  });

  it("say where in a map of pixels the weight lies, as Python does", () => {
    const map = (width: number, height: number, at: [number, number, number][]) => {
      const values = new Float32Array(width * height);
      for (const [x, y, value] of at) values[y * width + x] = value;
      return plain(mapSentence({ target: 0, width, height, values }));
    };
    expect(
      map(6, 9, [
        [0, 0, 3],
        [5, 8, -1],
      ]),
    ).toBe("75 % of the weight raises it, most at the upper left; 25 % lowers it, most at the lower right.");
    expect(
      map(6, 9, [
        [3, 4, 3],
        [0, 4, 2],
      ]),
    ).toBe("100 % of the weight raises it, most at the centre.");
    expect(map(6, 9, [[2, 8, -3]])).toBe("100 % of the weight lowers it, most at the bottom.");
    expect(map(3, 3, [])).toBe("No pixel changes this output.");
    // of many pixels a sample is told
    const half = Array.from(
      { length: 500 * 600 },
      (_, i) => [i % 600, Math.floor(i / 600), 1] as [number, number, number],
    );
    expect(map(600, 600, half)).toMatch(/^100 % of the weight raises it, most at the (upper|top|left|centre)/);
    expect([placeAt(0.5, 0.1), placeAt(1, 1), placeAt(0, 0.5)]).toEqual(["top", "lower right", "left"]);
  });

  it("count pieces", () => {
    const values = new Float32Array([0.2, -0.1, 0.01]);
    const errors = new Float32Array([0.01, 0.01, 0.01]);
    expect(plain(countSentence(values, errors, "pieces"))).toBe("1 of 3 pieces raise it, 1 lower it, 1 could be zero.");
    expect(doubt(values, errors, "features", "hollow bars")).toBe("1 of 3 features could be zero: hollow bars.");
    expect(doubt(values, null, "features", "hollow bars")).toBe("");
  });

  it("say the fit in words a person can act on", () => {
    expect(fitWords(0.921, 0.787, "probability")).toBe("fits well, R\u00b2 0.92");
    expect(fitWords(0.66, 0.5, "probability")).toBe("fits roughly, R\u00b2 0.66");
    expect(fitWords(0.363, 0.433, "probability")).toBe("fits poorly, R\u00b2 0.36; says 0.43");
    expect(poorFit(0.363, 0.433, 0.634, "probability", "row")).toContain(
      "explains 36 % of the model's behaviour near this row",
    );
    expect(poorFit(-0.4, 0.4, 0.6, "probability", "row")).toContain("explains nothing of");
  });

  it("say the gap", () => {
    expect(gapWords(0.0002, [], 3)).toBe("adds up exactly");
    expect(gapWords(-0.0214, [["layer norm2", 0.9]], 3)).toBe("0.021 unexplained, in layer norm2");
    expect(gapWords(0.001, [["max", 1]], 4, 10)).toBe("adds up to 99.99 %, 0.0010 unexplained, in max");
    expect(gapWords(1e-4, [], 4, -100)).toBe("adds up to 99.99 %, 0.0001 unexplained");
    expect(gapWords(0.2, [], 3, 1)).toBe("0.200 unexplained");
  });

  it("know the unit of the head and the side of the threshold", () => {
    expect([headUnit("probability"), headUnit("logit"), headUnit("raw")]).toEqual([
      "probability of",
      "logit of",
      "predicted",
    ]);
    expect(unitAfter("raw", "DM")).toBe("DM");
    expect(unitAfter("raw", "raw")).toBe("");
    expect(unitAfter("raw", "per standard deviation")).toBe("");
    expect(thresholdOf(geometry({}, { threshold: 0.3 }), 1)).toBe(0.3);
    expect(thresholdOf(geometry({}, { threshold: 0.3 }), 0)).toBeCloseTo(0.7);
    expect(thresholdOf(geometry({}, { threshold: null }), 0)).toBeNull();
  });
});

describe("the state line", () => {
  const picture = { estimate: { random_state: 0, n_rows: 3000 } } as Picture;
  const line = (patch: Parameters<typeof status>[0], link: "live" | "saved" | "gone" = "live") =>
    plain(stateLine(status(patch), picture, link));

  it("follows a run from the first call to its end", () => {
    expect(line({ state: "running", rows: 0 })).toBe("calling the model \u00b7 0 of 3,000 rows");
    expect(line({ state: "running", rows: 240, rate: 410, seconds_left: 7 })).toBe(
      "8 % \u00b7 240 of 3,000 rows \u00b7 410/s \u00b7 7 s left",
    );
    expect(line({ state: "running", rows: 3000 })).toContain("99 %");
    expect(line({ state: "running", rows: 240, total: null, rate: 410 })).toBe("240 rows \u00b7 410/s");
    expect(line({})).toBe("settled \u00b7 3,000 rows \u00b7 < 0.1 s \u00b7 seed 0");
    expect(line({ state: "stopped", rows: 1200 })).toBe("stopped \u00b7 1,200 of 3,000 rows \u00b7 seed 0");
    expect(line({ state: "failed", rows: 640 })).toBe("failed after 640 rows");
    expect(line({ state: "capped" })).toBe("finished \u00b7 3,000 rows \u00b7 < 0.1 s \u00b7 seed 0");
  });

  it("says that an estimate is done while its curves are still asked for", () => {
    const running = { state: "running", rows: 3000, total: 3000 } as const;
    const at = (run: number, state: string) =>
      plain(stateLine(status(running), { estimate: { run, state, random_state: 0 } } as unknown as Picture, "live"));
    expect(at(1, "settled")).toBe("settled · 3,000 rows · curves to come");
    expect(at(1, "capped")).toBe("finished · 3,000 rows · curves to come");
    expect(at(0, "settled")).toMatch(/^99 %/); // of the run before
    expect(at(1, "running")).toMatch(/^99 %/);
  });

  it("says saved when nobody can answer", () => {
    expect(line({}, "saved")).toBe("saved \u00b7 3,000 rows \u00b7 seed 0");
    expect(line({ state: "running", rows: 240 }, "gone")).toBe("saved \u00b7 240 rows \u00b7 seed 0");
  });

  it("is read aloud at the start, each quarter and the end only", () => {
    const said = [0, 100, 800, 900, 1600, 2999].map((rows) => announcement(status({ state: "running", rows })));
    expect(said).toEqual([
      "calling the model",
      "calling the model",
      "25 % of the model calls done",
      "25 % of the model calls done",
      "50 % of the model calls done",
      "75 % of the model calls done",
    ]);
    expect(announcement(status())).toContain("settled");
  });
});
