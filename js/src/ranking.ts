/** The order of rows. While an estimate streams they keep their place: a jumping list cannot be read or clicked. */

export type Sort = "weight" | "name" | "original";

export interface RankingInput {
  values: ArrayLike<number>;
  names: (feature: number) => string;
  sort: Sort;
  /** Streaming, or somebody points at the list. */
  frozen: boolean;
}

/** Features, the largest magnitude first; those that are not known count as zero. */
export function byWeight(values: ArrayLike<number>): number[] {
  // looked up, not computed, some hundred thousand times in a text of thousands of words
  const sizes = Float64Array.from(values, (value) => Math.abs(value) || 0) as unknown as number[];
  return [...sizes.keys()].sort((a, b) => (sizes[b] as number) - (sizes[a] as number) || a - b);
}

export function nextOrder(previous: readonly number[] | null, input: RankingInput): number[] {
  const { values, names, sort, frozen } = input;
  const original = Array.from({ length: values.length }, (_, feature) => feature);
  if (sort === "original") return original;
  if (sort === "name") return original.sort((a, b) => names(a).localeCompare(names(b)) || a - b);
  if (frozen && previous?.length === values.length) return [...previous];
  return byWeight(values);
}
