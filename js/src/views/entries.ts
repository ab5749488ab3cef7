/** Words as entries: each feature of a text, or all features that spell the same taken together. */
import { unitsOf } from "../features";
import type { TextLayout } from "../schema.gen";
import type { Picture } from "../store";

export interface Entry {
  key: number;
  word: string;
  /** How often it stands in the text. */
  count: number;
  value: number;
  error: number | undefined;
}

/** A text may have thousands: an entry is put together where one is looked at. */
export interface Entries {
  readonly count: number;
  /** Entry of each feature. */
  readonly ofFeature: readonly number[];
  /** By entry; null before the first estimate. */
  readonly values: ArrayLike<number> | null;
  at(key: number | null | undefined): Entry | undefined;
}

interface Words {
  words: readonly string[];
  counts: readonly number[];
  ofFeature: readonly number[];
}

/** By names: of features alone, and of those that spell the same together. */
const known = [new WeakMap<readonly string[], Words>(), new WeakMap<readonly string[], Words>()];

/** `names` are those of the features, as `namesAfter` has them. Errors of equal words add up as if they were independent: the view says so. */
export function entriesOf(
  layout: TextLayout,
  names: readonly string[],
  picture: Pick<Picture, "values" | "errors">,
  grouped: boolean,
): Entries {
  const { words, counts, ofFeature } = known[Number(grouped)]?.get(names) ?? wordsOf(layout, names, grouped);
  const values = grouped ? summed(picture.values, ofFeature, words.length, (a, b) => a + b) : picture.values;
  const errors = grouped ? summed(picture.errors, ofFeature, words.length, Math.hypot) : picture.errors;
  return {
    count: words.length,
    ofFeature,
    values,
    at(key) {
      const word = words[key ?? -1];
      if (key == null || word === undefined) return undefined;
      return { key, word, count: counts[key] ?? 1, value: values?.[key] ?? Number.NaN, error: errors?.[key] };
    },
  };
}

/** The same whatever output is shown. */
function wordsOf(layout: TextLayout, names: readonly string[], grouped: boolean): Words {
  const units = unitsOf(layout);
  const words: string[] = [];
  const counts: number[] = [];
  const places = new Map<unknown, number>();
  const ofFeature = names.map((word, feature) => {
    const spelled = grouped ? word.toLocaleLowerCase() : feature;
    const place = places.get(spelled) ?? words.length;
    places.set(spelled, place);
    words[place] ??= word;
    counts[place] = (counts[place] ?? 0) + (units.get(feature) ?? 1);
    return place;
  });
  const made = { words, counts, ofFeature };
  known[Number(grouped)]?.set(names, made);
  return made;
}

function summed(
  all: ArrayLike<number> | null,
  ofFeature: readonly number[],
  count: number,
  add: (a: number, b: number) => number,
): Float64Array | null {
  if (!all) return null;
  const sums = new Float64Array(count);
  // a word that was just inserted has no value yet
  ofFeature.forEach((place, feature) => {
    sums[place] = add(sums[place] as number, all[feature] ?? Number.NaN);
  });
  return sums;
}
