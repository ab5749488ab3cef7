/** Numbers as the view prints them: U+2212 for minus, thousands with commas, fixed decimals in a column. */
import type { OutputUnit } from "./schema.gen";

export const MINUS = "\u2212";
export const UNKNOWN = "\u2026";

/** The typographic minus before, commas between thousands. */
function dressed(text: string): string {
  const [whole, ...rest] = text.replace(/^-/, MINUS).split(".");
  return [(whole as string).replace(/\B(?=(\d{3})+$)/g, ","), ...rest].join(".");
}

/** Three significant digits, never fewer than the whole part. */
function threeDigits(value: number): string {
  const rounded = Number(value.toPrecision(3));
  const decimals = rounded === 0 ? 0 : Math.min(100, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(rounded)))));
  return dressed(rounded.toFixed(decimals));
}

const trimmed = (value: number) =>
  threeDigits(value)
    .replace(/(\.\d*?)0+$/, "$1")
    .replace(/\.$/, "");
const exponent = (value: number) => value.toExponential(2).replace(/^-/, MINUS);

export function whole(value: number): string {
  return fixed(value, 0);
}

/** Fixed decimals; a value that rounds to zero loses its sign. */
export function fixed(value: number, decimals = 3): string {
  if (!Number.isFinite(value)) return UNKNOWN;
  const text = decimals <= 12 ? dressed(value.toFixed(decimals)) : significant(value);
  return /[1-9]/.test(text) ? text : text.replace(MINUS, "");
}

/** Always with its sign, as contributions are printed; a value that rounds to zero has none. */
export function signed(value: number, decimals = 3): string {
  const text = fixed(value, decimals);
  return value > 0 && /[1-9]/.test(text) ? `+${text}` : text;
}

/** The colour of a number: none if it prints as zero. */
export function signClass(value: number, decimals: number): "pos" | "neg" | "" {
  if (!/[1-9]/.test(fixed(value, decimals))) return "";
  return value < 0 ? "neg" : "pos";
}

/** Three significant digits, never fewer than the whole part. */
export function significant(value: number): string {
  if (!Number.isFinite(value)) return UNKNOWN;
  const size = Math.abs(value);
  if (size >= 1000) return size < 1e9 ? whole(value) : exponent(value);
  if (size > 0 && size < 1e-4) return exponent(value);
  return threeDigits(value);
}

/** A difference below this is left by rounding in 64 bits. */
const ROUNDING = 1e-12;

/** What was measured: what rounding left is zero. */
export function measured(value: number): string {
  return significant(Math.abs(value) < ROUNDING ? 0 : value);
}

/** The ends of an axis: no zeros that say nothing. */
export function axisEnd(value: number): string {
  const size = Math.abs(value);
  return size !== 0 && (size >= 1000 || size < 1e-4) ? significant(value) : trimmed(value);
}

/** One prediction in its unit; a probability that is not zero is not said as 0.000. */
export function prediction(value: number, unit: OutputUnit): string {
  if (unit !== "probability") return significant(value);
  const text = fixed(value, 3);
  return value > 0 && text === "0.000" ? "< 0.001" : text;
}

/** How many decimals contributions need so that a column lines up: three for probabilities unless all are tiny. */
export function decimalsFor(unit: OutputUnit, scale: number): number {
  if (!(scale > 0)) return 3;
  const needed = Math.max(0, Math.min(8, 2 - Math.floor(Math.log10(scale))));
  return unit === "probability" && scale >= 0.01 ? 3 : needed;
}

/** How many decimals the sum line needs; tiny probabilities have as many as the weights below them. */
export function sumDecimals(unit: OutputUnit, largest: number, end: number): number {
  const tiny = unit === "probability" && largest < 0.01;
  return decimalsFor(unit, tiny ? Math.min(largest, end) : largest);
}

/** A span of time, as short as it can be said. */
export function duration(seconds: number): string {
  if (seconds < 0.1) return "< 0.1 s";
  if (seconds < 1) return `${seconds.toFixed(1)} s`;
  if (seconds < 300) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds - minutes * 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function rate(perSecond: number): string {
  return `${perSecond < 10 ? trimmed(perSecond) : whole(perSecond)}/s`;
}

/** Comparisons as people write them: Python's conditions arrive in ASCII. */
export function condition(text: string): string {
  return text
    .replaceAll("<=", "\u2264")
    .replaceAll(">=", "\u2265")
    .replaceAll("!=", "\u2260")
    .replace(/(^|\s)-(?=\d)/g, `$1${MINUS}`);
}

/** A condition beside the name that it is about: `24 < age <= 36` is `24 to 36` there, `age > 36` is `> 36`. */
export function shortCondition(text: string, name: string): string {
  const at = text.indexOf(name);
  if (at < 0 || name === "") return condition(text);
  const [before, after] = [text.slice(0, at).trim(), text.slice(at + name.length).trim()];
  const low = /^(.+?)\s*(?:<=?|\u2264)$/.exec(before)?.[1];
  const high = /^(?:<=?|\u2264)\s*(.+)$/.exec(after)?.[1];
  if (low !== undefined && high !== undefined) return `${condition(low)} to ${condition(high)}`;
  return condition([before, after].filter(Boolean).join(" "));
}

const graphemes = typeof Intl.Segmenter === "function" ? new Intl.Segmenter() : null;

/** What a reader takes for one letter, with its marks; a family of emoji is one. */
export const charactersOf = (text: string): string[] =>
  graphemes ? Array.from(graphemes.segment(text), ({ segment }) => segment) : [...text];

/** Long names in running text keep both ends. */
export function shortened(name: string, most = 28): string {
  const characters = charactersOf(name);
  if (characters.length <= most) return name;
  const head = Math.ceil((most - 1) * 0.6);
  return `${characters.slice(0, head).join("")}${UNKNOWN}${characters.slice(head + 1 - most).join("")}`;
}

/** `1 word`, `2 words`. */
export function counted(count: number, plural: string): string {
  return `${whole(count)} ${count === 1 && plural.endsWith("s") ? plural.slice(0, -1) : plural}`;
}

/** How wide `was 0.635` gets: whether method and state take a line of their own is settled before it is there. */
export function roomForWas(was: number | undefined, unit: OutputUnit): { "--was": string } {
  return { "--was": `${24 + 6.6 * prediction(was ?? Number.NaN, unit).length}px` };
}
