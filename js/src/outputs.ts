/** Which outputs the target switch offers, and which of them is shown. */
import type { Estimate } from "./estimate";
import type { Display, Geometry, Request } from "./schema.gen";

export interface Output {
  index: number;
  name: string;
  value: number;
  explained: boolean;
}

export interface Switch {
  /** Side by side: at most three. */
  near: Output[];
  /** How many more there are; `rest` lists them when the select is opened. */
  more: number;
  rest: () => Output[];
  /** How many of those are explained already. */
  moreExplained: number;
}

const NEAR = 3;
const MOST_LISTED = 2000;

export function outputName(geometry: Geometry, index: number): string {
  return geometry.output_names[index] ?? `output ${index}`;
}

/** The chosen output: the display's, if it is explained or asked for, else the first explained one. */
export function chosenTarget(estimate: Estimate | null, display: Display, request: Request): number {
  const wanted = display.target;
  const first = estimate?.targets[0] ?? 0;
  if (wanted === undefined || !estimate) return wanted ?? first;
  return estimate.targets.includes(wanted) || request.targets?.includes(wanted) ? wanted : first;
}

/** Explained outputs first, then the others, each by prediction; equal ones keep the model's order. */
export function offerOutputs(
  geometry: Geometry,
  estimate: Estimate | null,
  chosen: number,
  predictions: Float32Array | null = estimate?.predictions ?? null,
): Switch {
  const count = Math.max(geometry.n_outputs, 1);
  const explained = new Set(estimate?.targets ?? []);
  // outputs keep their places under a moving hand: they are ranked by the estimate
  const scores = estimate?.predictions;
  const output = (index: number): Output => {
    const row = estimate?.targets.indexOf(index) ?? -1;
    return {
      index,
      name: (row >= 0 && estimate?.target_names[row]) || outputName(geometry, index),
      value: predictions?.[index] ?? Number.NaN,
      explained: explained.has(index),
    };
  };
  const byScore = (a: number, b: number) => (scores?.[b] ?? 0) - (scores?.[a] ?? 0) || a - b;
  const first = [...explained].sort(byScore);
  const others = scores ? largest(scores, NEAR, explained) : [0, 1, 2].slice(0, count).filter((i) => !explained.has(i));
  let near = [...first, ...others].slice(0, NEAR);
  // of two outputs the larger one changes sides easily: they keep the model's order
  if (count <= 2) near.sort((a, b) => a - b);
  if (!near.includes(chosen)) near = [...near.slice(0, NEAR - 1), chosen];
  const shown = new Set(near);
  return {
    near: near.map(output),
    more: Math.max(0, count - near.filter((index) => index >= 0).length),
    moreExplained: first.filter((index) => !shown.has(index)).length,
    rest: () => {
      const indices = Array.from({ length: count }, (_, index) => index).filter((index) => !shown.has(index));
      indices.sort((a, b) => Number(explained.has(b)) - Number(explained.has(a)) || byScore(a, b));
      return indices.slice(0, MOST_LISTED).map(output);
    },
  };
}

/** Indices of the largest scores in one pass: a model may have many thousands of outputs. */
function largest(scores: Float32Array, count: number, except: Set<number>): number[] {
  const best: number[] = [];
  for (let i = 0; i < scores.length; i++) {
    if (except.has(i)) continue;
    let at = best.length;
    while (at > 0 && (scores[i] as number) > (scores[best[at - 1] as number] as number)) at--;
    if (at < count) best.splice(at, 0, i);
    if (best.length > count) best.pop();
  }
  return best;
}
