/** The order of rows. While an estimate streams they keep their place: a jumping list cannot be read or clicked. */

export type Sort = "weight" | "name" | "original";

export interface RankingInput {
  values: ArrayLike<number>;
  names: (feature: number) => string;
  sort: Sort;
  /** Streaming, or somebody points at the list. */
  frozen: boolean;
}

export function byWeight(values: ArrayLike<number>): number[] {
  const size = (feature: number) => Math.abs(values[feature] as number) || 0;
  return Array.from({ length: values.length }, (_, feature) => feature).sort((a, b) => size(b) - size(a) || a - b);
}

export function nextOrder(previous: readonly number[] | null, input: RankingInput): number[] {
  const { values, names, sort, frozen } = input;
  const original = Array.from({ length: values.length }, (_, feature) => feature);
  if (sort === "original") return original;
  if (sort === "name") return original.sort((a, b) => names(a).localeCompare(names(b)) || a - b);
  if (frozen && previous?.length === values.length) return [...previous];
  return byWeight(values);
}
