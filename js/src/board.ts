/** Methods side by side, with their buffers read and their features in one order. */
import { type Chance, type Path, readCurves } from "./curves";
import { float32 } from "./decode";
import { type Estimate, type PixelValues, readMap } from "./estimate";
import { wantedEnd } from "./scales";
import type { Board, BoardColumn, BoardMetric } from "./schema.gen";

/** One method as one output shows it. */
export interface Shown {
  at: number;
  column: BoardColumn;
  values: Float32Array | null;
  errors: Float32Array | null;
  /** Values by pixel, of a method that has them. */
  pixels: PixelValues | null;
  metrics: BoardMetric[];
  note: string;
  removal: Path | null;
  chance: Chance | null;
}

/** Boards are read once for each output: typed arrays stay the same from one painting to the next. */
const read = new WeakMap<Board, Map<number, Shown[]>>();

export function columnsOf(board: Board, output: number): Shown[] {
  const known = read.get(board) ?? new Map<number, Shown[]>();
  read.set(board, known);
  const found = known.get(output) ?? readColumns(board, output);
  known.set(output, found);
  return found;
}

function readColumns(board: Board, output: number): Shown[] {
  const n = board.names.length;
  const row = (all: Float32Array | null) =>
    all && n > 0 && all.length >= (output + 1) * n ? all.subarray(output * n, (output + 1) * n) : null;
  return board.columns.map((column, at) => {
    const own = { schema: 1, run: 1, rows: 0, edits: [], curves: column.curves };
    const paths = column.curves.length > 0 ? readCurves(own) : null;
    const map = column.maps?.[output];
    return {
      at,
      column,
      values: row(float32(column.values)),
      errors: row(float32(column.std_errors)),
      pixels: map ? readMap(map) : null,
      metrics: column.metrics[output] ?? [],
      note: column.notes[output] ?? "",
      removal: paths?.removal.get(output) ?? null,
      chance: paths?.chance ?? null,
    };
  });
}

/** Features by size in one column, then by their place; those that are gone come last. */
export function orderBy(values: Float32Array | null, n: number): number[] {
  const order = Array.from({ length: n }, (_, feature) => feature);
  if (!values) return order;
  const size = (feature: number) => {
    const value = Math.abs(values[feature] as number);
    return Number.isNaN(value) ? -1 : value;
  };
  return order.sort((a, b) => size(b) - size(a) || a - b);
}

/** The end of each column's scale: one for all that count in the board's unit, its own for the others. */
export function endsOf(columns: readonly Shown[]): number[] {
  // a method that finds nothing has no say in the scale
  const own = ({ values, errors }: Shown) => (values?.some((value) => value) ? wantedEnd(values, errors) : 0);
  const shared = Math.max(0, ...columns.filter((shown) => !shown.column.unit).map(own));
  return columns.map((shown) => (shown.column.unit ? own(shown) : shared) || 1);
}

/** What the model said of the instance as it is now, and before edits. */
export type Known = Pick<Estimate, "run" | "predictions" | "targets" | "original" | "edited">;

/** The explained outputs are all that a board tells. */
export function ofBoard({ run, predictions, original }: Board): Known {
  return {
    run,
    predictions: Float32Array.from(predictions),
    targets: predictions.map((_, at) => at),
    original: original ? Float32Array.from(original) : null,
    edited: original !== undefined,
  };
}
