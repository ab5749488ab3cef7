/** What-if edits as the log that Python reads, and what the log comes to. The rules are those of Python's `whatif`. */
import { same } from "./decode";
import type { Edit } from "./schema.gen";
import type { Point, Stroke } from "./strokes";

export type Value = NonNullable<Edit["value"]> | null;
export type Adjustment = NonNullable<Edit["kind"]>;
export type Box = [left: number, top: number, right: number, bottom: number];

export interface Inserted {
  /** Before this unit of the original; the number of units is behind the last. */
  position: number;
  text: string;
}

/** The instance's changes, each thing once. */
export interface Changes {
  values: ReadonlyMap<string, Value>;
  struck: ReadonlySet<number>;
  replaced: ReadonlyMap<number, string>;
  inserted: readonly Inserted[];
  hidden: ReadonlySet<number>;
  boxes: readonly Box[];
  strokes: readonly Stroke[];
  adjusted: ReadonlyMap<Adjustment, number>;
}

export function readEdits(log: readonly Edit[]): Changes {
  const values = new Map<string, Value>();
  const struck = new Set<number>();
  const replaced = new Map<number, string>();
  const inserted: Inserted[] = [];
  const hidden = new Set<number>();
  const boxes: Box[] = [];
  const strokes: Stroke[] = [];
  const adjusted = new Map<Adjustment, number>();
  const each = (all: readonly number[] | undefined, act: (one: number) => void) => {
    for (const one of all ?? []) act(one);
  };
  for (const { op, feature, value, positions, position, text, pieces, box, points, width, kind, amount } of log) {
    if (op === "set" && feature !== undefined) values.set(feature, value ?? null);
    else if (op === "strike")
      each(positions, (at) => {
        struck.add(at);
        replaced.delete(at);
      });
    else if (op === "restore")
      each(positions, (at) => {
        struck.delete(at);
        replaced.delete(at);
      });
    else if (op === "replace" && position !== undefined) {
      struck.delete(position);
      replaced.set(position, text ?? "");
    } else if (op === "insert" && position !== undefined) inserted.push({ position, text: text ?? "" });
    else if (op === "hide") each(pieces, (piece) => hidden.add(piece));
    else if (op === "show") each(pieces, (piece) => hidden.delete(piece));
    else if (op === "occlude" && box?.length === 4) boxes.push(box as Box);
    else if (op === "brush" && points && width) strokes.push({ points: points as Point[], width });
    else if (op === "adjust" && kind) {
      adjusted.delete(kind);
      if (amount) adjusted.set(kind, amount);
    }
  }
  return { values, struck, replaced, inserted, hidden, boxes, strokes, adjusted };
}

/** What differs between two sets of changes: columns and adjustments by name, everything else as "". */
export function differing(one: Changes, other: Changes): ReadonlySet<string> {
  const found = new Set<string>();
  for (const part of Object.keys(one) as (keyof Changes)[]) {
    const [a, b] = [one[part], other[part]] as [Map<string, unknown>, Map<string, unknown>];
    if (part === "values" || part === "adjusted") {
      for (const key of [...a.keys(), ...b.keys()]) if (!same(a.get(key), b.get(key))) found.add(key);
    } else if (!same([...a], [...b])) found.add("");
  }
  return found;
}

/** Names what an edit changes, where a later edit of the same thing takes its place; "" where each stands alone. */
function thing(edit: Edit | undefined): string {
  if (edit?.op === "set") return `set ${edit.feature}`;
  if (edit?.op === "adjust") return `adjust ${edit.kind}`;
  if (edit?.op === "replace") return `replace ${edit.position}`;
  if (edit?.op === "occlude" || edit?.op === "brush") return edit.op;
  return "";
}

/** A box or stroke is drawn in one go: the next one is another, however soon it comes. */
export function drawnAtOnce(edit: Edit): boolean {
  return edit.op === "occlude" || edit.op === "brush";
}

/** The log with one more edit; within one gesture, a move of the same thing replaces the last. */
export function withEdit(log: readonly Edit[], edit: Edit, sameGesture: boolean): Edit[] {
  const again = sameGesture && thing(edit) !== "" && thing(edit) === thing(log.at(-1));
  return [...(again ? log.slice(0, -1) : log), edit];
}
