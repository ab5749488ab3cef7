/** Numbers as the view prints them: U+2212 for minus, thousands with commas, fixed decimals in a column. */
import { format } from "d3-format";
import type { OutputUnit } from "./schema.gen";

export const MINUS = "\u2212";
export const UNKNOWN = "\u2026";

const wholeNumber = format(",.0f");
const threeDigits = format(",.3~r");
const exponent = format(".2e");

export function whole(value: number): string {
  return wholeNumber(value);
}

/** Fixed decimals; a value that rounds to zero loses its sign. */
export function fixed(value: number, decimals = 3): string {
  if (!Number.isFinite(value)) return UNKNOWN;
  const text = format(`,.${decimals}f`)(value);
  return /[1-9]/.test(text) ? text : text.replace(MINUS, "");
}

/** Always with its sign, as contributions are printed; a value that rounds to zero has none. */
export function signed(value: number, decimals = 3): string {
  const text = fixed(value, decimals);
  return value > 0 && /[1-9]/.test(text) ? `+${text}` : text;
}

/** Three significant digits, never fewer than the whole part. */
export function significant(value: number): string {
  if (!Number.isFinite(value)) return UNKNOWN;
  const size = Math.abs(value);
  if (size >= 1000) return size < 1e9 ? wholeNumber(value) : exponent(value);
  if (size > 0 && size < 1e-4) return exponent(value);
  return threeDigits(value);
}

/** One prediction in its unit. */
export function prediction(value: number, unit: OutputUnit): string {
  return unit === "probability" ? fixed(value, 3) : significant(value);
}

/** How many decimals contributions need so that a column lines up: three for probabilities unless all are tiny. */
export function decimalsFor(unit: OutputUnit, scale: number): number {
  if (!(scale > 0)) return 3;
  const needed = Math.max(0, Math.min(8, 2 - Math.floor(Math.log10(scale))));
  return unit === "probability" && scale >= 0.01 ? 3 : needed;
}

/** A span of time, as short as it can be said. */
export function duration(seconds: number): string {
  if (seconds < 0.1) return "< 0.1 s";
  if (seconds < 1) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds - minutes * 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function rate(perSecond: number): string {
  return `${perSecond < 10 ? threeDigits(perSecond) : whole(perSecond)}/s`;
}

/** Comparisons as people write them: Python's conditions arrive in ASCII. */
export function condition(text: string): string {
  return text.replaceAll("<=", "\u2264").replaceAll(">=", "\u2265").replaceAll("!=", "\u2260");
}

/** `1 word`, `2 words`. */
export function counted(count: number, plural: string): string {
  return `${whole(count)} ${count === 1 && plural.endsWith("s") ? plural.slice(0, -1) : plural}`;
}
