/** Sentences of a text, and where between its words a place lies. */

export type Span = readonly [start: number, end: number];

/** Where sentences begin and end, in UTF-16 code units; together they are the text. */
export function sentencesOf(text: string): Span[] {
  if (typeof Intl !== "undefined" && "Segmenter" in Intl) {
    const parts = new Intl.Segmenter(undefined, { granularity: "sentence" }).segment(text);
    return Array.from(parts, ({ index, segment }) => [index, index + segment.length] as const);
  }
  const spans: Span[] = [];
  let start = 0;
  for (const { index, 0: mark } of text.matchAll(/[.!?\u3002\uff01\uff1f\u061f\u0964]+["'\u201d\u2019)\]]*\s*/g)) {
    spans.push([start, index + mark.length]);
    start = index + mark.length;
  }
  if (start < text.length) spans.push([start, text.length]);
  return spans;
}

/** The units that lie in the same sentence as one of them. */
export function inSentenceOf(text: string, offsets: readonly (readonly number[])[], unit: number): number[] {
  const at = offsets[unit]?.[0] ?? 0;
  const [start, end] = sentencesOf(text).find(([from, to]) => from <= at && at < to) ?? [0, text.length];
  return [...offsets.keys()].filter((other) => {
    const begins = offsets[other]?.[0] ?? 0;
    return start <= begins && begins < end;
  });
}

export interface Placed {
  unit: number;
  box: { left: number; right: number; top: number; bottom: number };
}

/** Room above and below a word that belongs to its line. */
const LEADING = 6;

/**
 * Before which unit a spot lies; the number behind the last of its line if it lies beyond that; null outside all
 * lines. Words are given in reading order; their boxes tell how the line runs.
 */
export function placeOf(words: readonly Placed[], x: number, y: number, rightToLeft: boolean): number | null {
  const line = words.filter(({ box }) => box.top - LEADING <= y && y <= box.bottom + LEADING);
  const last = line.at(-1);
  if (!last) return null;
  const beyond = ({ box }: Placed) => {
    const middle = (box.left + box.right) / 2;
    return rightToLeft ? middle < x : middle > x;
  };
  return line.find(beyond)?.unit ?? last.unit + 1;
}
