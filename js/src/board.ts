/** Methods side by side, with their buffers read and their features in one order. */
import { type Chance, type Path, readCurves } from "./curves";
import { float32 } from "./decode";
import { wantedEnd } from "./scales";
import type { Board, BoardColumn, BoardMetric } from "./schema.gen";

/** One method as one output shows it. */
export interface Shown {
  at: number;
  column: BoardColumn;
  values: Float32Array | null;
  errors: Float32Array | null;
  metrics: BoardMetric[];
  note: string;
  removal: Path | null;
  chance: Chance | null;
}

export function columnsOf(board: Board, output: number): Shown[] {
  const n = board.names.length;
  const row = (all: Float32Array | null) =>
    all && n > 0 && all.length >= (output + 1) * n ? all.subarray(output * n, (output + 1) * n) : null;
  return board.columns.map((column, at) => {
    const paths = column.curves.length > 0 ? readCurves({ schema: 1, run: 1, rows: 0, curves: column.curves }) : null;
    return {
      at,
      column,
      values: row(float32(column.values)),
      errors: row(float32(column.std_errors)),
      metrics: column.metrics[output] ?? [],
      note: column.notes[output] ?? "",
      removal: paths?.removal.get(output) ?? null,
      chance: paths?.chance ?? null,
    };
  });
}

/** Features by size in one column, then by their place. */
export function orderBy(values: Float32Array | null, n: number): number[] {
  const order = Array.from({ length: n }, (_, feature) => feature);
  if (!values) return order;
  return order.sort((a, b) => Math.abs(values[b] as number) - Math.abs(values[a] as number) || a - b);
}

/** The end of each column's scale: one for all that count in the board's unit, its own for the others. */
export function endsOf(columns: readonly Shown[]): number[] {
  const own = (shown: Shown) => (shown.values ? wantedEnd(shown.values, shown.errors) : 0);
  const shared = Math.max(0, ...columns.filter((shown) => !shown.column.unit).map(own));
  return columns.map((shown) => (shown.column.unit ? own(shown) : shared) || 1);
}
