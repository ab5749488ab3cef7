/** The prediction after an edit, read off a curve at once, where one of the present instance is known. */
import { domainOf } from "./columns";
import { heightAt, type Path, type Paths } from "./curves";
import type { Estimate } from "./estimate";
import { keyOf } from "./flips";
import type { Edit, Geometry } from "./schema.gen";

/** Every output of the model; NaN where the curve does not know it. Null without a curve. */
export function guessOf(
  edit: Edit,
  estimate: Pick<Estimate, "predictions" | "targets"> | null,
  geometry: Geometry | null,
  paths: Paths,
  /** Whether the curve along this is of another instance than the present one. */
  behind: (thing: string) => boolean,
): Float32Array | null {
  if (!estimate || !geometry || behind((edit.op === "set" ? edit.feature : edit.kind) ?? "")) return null;
  const along = edit.op === "set" ? ofColumn(edit, geometry, paths) : ofAdjustment(edit, paths);
  if (!along) return null;
  const [path, at] = along;
  const scores = new Float32Array(estimate.predictions.length).fill(Number.NaN);
  estimate.targets.forEach((target, row) => {
    scores[target] = heightAt(path.x, path.y[row] ?? [], at);
  });
  return scores;
}

function ofColumn(edit: Edit, geometry: Geometry, paths: Paths): [Path, number] | null {
  if (geometry.layout.type !== "columns") return null;
  const feature = geometry.layout.columns.findIndex((column) => keyOf(column) === edit.feature);
  const column = geometry.layout.columns[feature];
  const path = paths.response.get(feature);
  const value = edit.value ?? null;
  const at = column && domainOf(column, value)?.onCurve(value);
  if (!path || at === undefined || Number.isNaN(at)) return null;
  // between two choices there is nothing: of many only the most frequent were asked about
  return column?.choices && !path.x.includes(at) ? null : [path, at];
}

function ofAdjustment({ op, kind, amount }: Edit, paths: Paths): [Path, number] | null {
  const path = op === "adjust" && kind ? paths.adjustment.get(kind) : undefined;
  return path ? [path, amount ?? 0] : null;
}
