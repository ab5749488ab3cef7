/** The order of rows. While an estimate streams they keep their place: a jumping list cannot be read or clicked. */

import type { Display } from "./schema.gen";

export type Sort = NonNullable<Display["sort"]>;

export interface RankingInput {
  values: ArrayLike<number>;
  names: (feature: number) => string;
  sort: Sort;
  /** Streaming, or somebody points at the list. */
  frozen: boolean;
}

const LARGEST = 0x7fffffff;

/** Features, the largest magnitude in single precision first; those that are not known count as zero. */
export function byWeight(values: ArrayLike<number>): number[] {
  const { length } = values;
  const sizes = new Float32Array(values);
  // without their sign the bits of such numbers are in their order: with the feature behind them they are sorted without
  // comparisons of ours, of which a text of thousands of words takes a hundred thousand
  const bits = new Uint32Array(sizes.buffer);
  const keys = new Float64Array(length);
  for (let i = 0; i < length; i++)
    keys[i] = (sizes[i] ? LARGEST - ((bits[i] as number) & LARGEST) : LARGEST) * length + i;
  keys.sort();
  const order: number[] = [];
  for (const key of keys) order.push(key % length);
  return order;
}

export function nextOrder(previous: readonly number[] | null, input: RankingInput): number[] {
  const { values, names, sort, frozen } = input;
  if (sort === "name" || sort === "original") {
    const original = Array.from({ length: values.length }, (_, feature) => feature);
    return sort === "original" ? original : original.sort((a, b) => names(a).localeCompare(names(b)) || a - b);
  }
  if (frozen && previous?.length === values.length) return [...previous];
  return byWeight(values);
}
