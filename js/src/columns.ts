/** What a column may be set to, and where each value stands on its track. */
import { same } from "./decode";
import type { Value } from "./edits";
import { MINUS } from "./format";
import type { ColumnInfo } from "./schema.gen";

/** Values of a column in steps, as a slider has them. */
export interface Domain {
  /** A choice stands in the middle of its step, a number on a line. */
  choices: readonly string[] | null;
  /** The last step; the first is 0. */
  last: number;
  valueAt(step: number): Value;
  /** The nearest step; -1 for a missing value. */
  stepOf(value: Value): number;
  /** 0 to 1 along the track; NaN for a missing value. */
  placeOf(value: Value): number;
  /** Where a value stands on a curve's x axis: a number itself, a choice its position. */
  onCurve(value: Value): number;
  /** 0 to 1 along the track for a place on a curve's x axis. */
  placeOfCurve(x: number): number;
}

const STEPS = 200;
const MOST_WHOLE = 1000;

/** Null where nothing is known of the column's values. */
export function domainOf(column: ColumnInfo, ...present: Value[]): Domain | null {
  if (column.choices) return ofChoices(column.choices, column.choice_names ?? []);
  if (column.low === undefined || column.high === undefined) return null;
  const known = [column.low, column.high, column.raw, ...present].filter((value) => typeof value === "number");
  const [low, high] = [Math.min(...known), Math.max(...known)];
  return high > low ? ofNumbers(low, high, column.whole ?? false) : null;
}

function ofChoices(choices: readonly Value[], names: readonly string[]): Domain {
  const n = choices.length;
  const stepOf = (value: Value) => choices.findIndex((choice) => same(choice, value));
  const middle = (step: number) => (step < 0 ? Number.NaN : (step + 0.5) / n);
  return {
    choices: names,
    last: n - 1,
    valueAt: (step) => choices[step] ?? null,
    stepOf,
    placeOf: (value) => middle(stepOf(value)),
    onCurve: stepOf,
    placeOfCurve: middle,
  };
}

function ofNumbers(low: number, high: number, whole: boolean): Domain {
  const width = high - low;
  const last = whole && width <= MOST_WHOLE ? Math.ceil(width) : STEPS;
  // no more digits than a step can tell apart
  const digits = whole ? 0 : Math.max(0, Math.min(12, Math.ceil(-Math.log10(width / last))));
  const place = (value: number) => Math.max(0, Math.min(1, (value - low) / width));
  return {
    choices: null,
    last,
    valueAt: (step) => {
      const value = low + (width * step) / last;
      return step <= 0 ? low : step >= last ? high : Number(whole ? Math.round(value) : value.toFixed(digits));
    },
    stepOf: (value) => (typeof value === "number" ? Math.round(place(value) * last) : -1),
    placeOf: (value) => (typeof value === "number" ? place(value) : Number.NaN),
    onCurve: (value) => (typeof value === "number" ? value : Number.NaN),
    placeOfCurve: place,
  };
}

/** A value as the table prints it. */
export function valueText(value: Value, column: ColumnInfo): string {
  if (value === null) return "missing";
  if (same(value, column.raw)) return column.value;
  const at = column.choices?.findIndex((choice) => same(choice, value)) ?? -1;
  if (at >= 0) return column.choice_names?.[at] ?? String(value);
  if (typeof value !== "number") return String(value);
  const text = Number.isInteger(value) && Math.abs(value) < 1e15 ? String(value) : String(Number(value.toPrecision(6)));
  return text.replace("-", MINUS);
}

/** What somebody typed; undefined if it is no value of the column. */
export function parseValue(typed: string, column: ColumnInfo): Value | undefined {
  const text = typed.trim();
  if (text === "" || text.toLowerCase() === "missing") return null;
  const at = column.choice_names?.indexOf(text) ?? -1;
  if (at >= 0) return column.choices?.[at];
  if (column.kind !== "number") return column.choices ? undefined : text;
  if (text.toLowerCase() === "nan") return null;
  const number = numberOf(text);
  return Number.isFinite(number) ? number : undefined;
}

const GROUPED = /^[+\-\u2212]?\d{1,3}(,\d{3})+(\.\d*)?$/;

/** A number as people write it. A comma may stand between thousands: elsewhere nobody knows what it means, so NaN. */
export function numberOf(text: string): number {
  if (text === "" || (text.includes(",") && !GROUPED.test(text))) return Number.NaN;
  return Number(text.replaceAll(",", "").replace(MINUS, "-"));
}
