/** The text itself: its words carry bars, are struck, written anew, and others put between them. */
import { Component, type ComponentChildren, type RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Draft } from "../components/draft";
import { OWN_KEYS } from "../components/keys";
import { featureAfter, featureOfUnit, unitsOf } from "../features";
import { counted } from "../format";
import { couldBeZero, FAINT_SHARE } from "../scales";
import type { Edit, Geometry, TextLayout } from "../schema.gen";
import { inSentenceOf, type Placed, placeOf } from "../sentences";
import type { Store } from "../store";
import { reading } from "../words";
import type { Entries, Entry } from "./entries";
import { LONG, Sight, STRETCH, Stretch } from "./stretch";

export interface SharedProps {
  entries: Entries;
  geometry: Geometry;
  end: number;
  hot: number | null;
  setHot: (entry: number | null) => void;
}

/** How much a click strikes. */
export type Scope = "word" | "equal" | "sentence";

const MOVES: Record<string, number> = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/** A click strikes after this many ms, so that the first half of a double click, which edits, does not. */
const STRIKE_MS = 200;

interface BodyProps extends SharedProps {
  store: Store;
  layout: TextLayout;
  scope: Scope;
  /** The words can only be looked at. */
  fixed?: boolean;
}

/** What is being written: in the place of a unit, or before one. */
type Writing = { op: "replace" | "insert"; position: number } | null;

export function Body(props: BodyProps) {
  const { store, layout, entries, geometry, end, hot, setHot, scope, fixed = false } = props;
  const [active, setActive] = useState(0);
  const [writing, setWriting] = useState<Writing>(null);
  const body = useRef<HTMLDivElement>(null);
  const refocus = useRefocus(body, writing);
  const waiting = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  /** A click that strikes once no second one on the same word follows. */
  const clicked = useRef<{ unit: number; strike: () => void } | null>(null);
  /** The pointer is down to end what is being written: that is all its click does. */
  const ending = useRef(false);
  const [sight] = useState(() => new Sight());
  useEffect(
    () => () => {
      clearTimeout(waiting.current);
      sight.end();
    },
    [sight],
  );
  const { ofFeature } = entries;
  const { whatif } = store;
  const changes = whatif.changes.value;
  const removed = store.removal.value?.removed;
  const live = store.reachable.value && !fixed;
  const marks: (ReturnType<typeof markOf> & { says: string })[] = [];
  /** What an entry's words look like and say, made when the first of them is drawn. */
  const mark = (key: number) => {
    if (marks[key]) return marks[key];
    const entry = entries.at(key);
    if (!entry) return undefined;
    const known = Number.isFinite(entry.value);
    const says = known ? reading(entry.value, entry.error, geometry.output_unit, end) : "not known yet";
    marks[key] = { ...markOf(entry, end), says };
    return marks[key];
  };
  let parts: ComponentChildren[] = [];
  const count = layout.offsets.length;
  const known = unitsOf(layout).size;
  /** What stood there at first. */
  const original = (unit: number) =>
    changes.inserted[unit - count]?.text ?? layout.text.slice(...(layout.offsets[unit] as [number, number]));
  const word = (unit: number, feature: number, text: string, way: "" | " gone" | " new") => {
    const key = ofFeature[feature] ?? -1;
    const { kind = "", height = 0, ground = 0, says = "" } = mark(key) ?? {};
    const struck = way === " gone" || (removed?.has(feature) ?? false);
    parts.push(
      <Word
        {...{ unit, text, live, height: struck ? 0 : height, ground: struck ? 0 : ground }}
        kind={struck ? " gone" : `${kind}${way}`}
        key={unit}
        label={`${text}, ${way === " gone" ? "struck" : struck ? "removed" : says}`}
        struck={way === " gone"}
        isHot={key === hot}
        tab={unit === active}
      />,
    );
  };
  const write = (op: "replace" | "insert", position: number, text: string) => {
    const done = (typed: string, byKey: boolean) => {
      setWriting(null);
      refocus.current = byKey ? back : null;
      whatif.change(...editOf(op, position, typed, text, original, changes.replaced.has(position)));
    };
    const back = op === "replace" ? position : Math.min(position, count - 1);
    const label = op === "replace" ? `instead of ${original(position)}` : "new words";
    const cancel = () => {
      setWriting(null);
      refocus.current = back;
    };
    parts.push(<Draft key={`draft ${op} ${position}`} label={label} text={text} onDone={done} onCancel={cancel} />);
  };
  // inserted words count on after those of the original, in the order in which they were inserted
  const insertedBefore = (position: number) => {
    const lead = position === count;
    changes.inserted.forEach((inserted, i) => {
      if (inserted.position !== position) return;
      const unit = count + i;
      const text = changes.replaced.get(unit) ?? inserted.text;
      if (lead) parts.push(" ");
      if (writing?.op === "replace" && writing.position === unit) write("replace", unit, text);
      else word(unit, known + i, text, changes.struck.has(unit) ? " gone" : " new");
      if (!lead) parts.push(" ");
    });
    if (writing?.op !== "insert" || writing.position !== position) return;
    if (lead) parts.push(" ");
    write("insert", position, "");
    if (!lead) parts.push(" ");
  };
  /** The text from one unit up to another, with what stands before each; after the last one all that is left. */
  const stretch = (from: number, to: number) => {
    parts = [];
    let at = layout.offsets[from - 1]?.[1] ?? 0;
    for (let unit = from; unit < to; unit += 1) {
      const [start = 0, stop = 0] = layout.offsets[unit] ?? [];
      if (start > at) parts.push(layout.text.slice(at, start));
      at = stop;
      insertedBefore(unit);
      const replaced = changes.replaced.get(unit);
      const text = replaced ?? layout.text.slice(start, stop);
      const way = changes.struck.has(unit) ? " gone" : replaced === undefined ? "" : " new";
      if (writing?.op === "replace" && writing.position === unit) write("replace", unit, text);
      else word(unit, featureOfUnit(layout.groups, unit), text, way);
    }
    if (to === count) {
      insertedBefore(count);
      parts.push(layout.text.slice(at));
    }
    return parts;
  };

  /** Strikes words or takes that back, with all that are one feature or are shown as one. */
  const strike = (unit: number, how: Scope) => {
    if (!live) return;
    const entryOf = (other: number) => ofFeature[featureOfUnit(layout.groups, other)];
    const spelled = (other: number) => original(other).toLocaleLowerCase();
    const all = [...layout.offsets.keys()];
    const wanted =
      unit >= count
        ? []
        : how === "sentence"
          ? inSentenceOf(layout.text, layout.offsets, unit)
          : how === "equal"
            ? all.filter((other) => spelled(other) === spelled(unit))
            : [unit];
    const chosen = new Set(wanted.map(entryOf));
    const positions = unit < count ? all.filter((other) => chosen.has(entryOf(other))) : [unit];
    const { struck, replaced } = whatif.changes.peek();
    const gone = struck.has(unit) || replaced.has(unit);
    whatif.change({ op: gone ? "restore" : "strike", positions });
  };
  // one listener for all words: a text may have thousands
  const unitAt = (event: Event) => {
    const unit = (event.target as Element).closest<HTMLElement>("[data-unit]")?.dataset["unit"];
    return unit === undefined ? null : Number(unit);
  };
  const point = (event: Event) => {
    const unit = unitAt(event);
    if (unit !== null && event.type === "focusin") setActive(unit);
    setHot(unit === null ? null : (ofFeature[featureAfter(layout, unit)] ?? null));
  };
  const onClick = (event: MouseEvent) => {
    const unit = unitAt(event);
    const ended = ending.current;
    ending.current = false;
    clearTimeout(waiting.current);
    const first = clicked.current;
    clicked.current = null;
    // a fast hand is at the next word already
    if (first && first.unit !== unit) first.strike();
    if (!live || writing || ended || event.detail > 1 || isSelecting()) return;
    const how = event.shiftKey ? "sentence" : scope;
    if (unit !== null) {
      const act = () => {
        clicked.current = null;
        strike(unit, how);
      };
      clicked.current = { unit, strike: act };
      waiting.current = setTimeout(act, STRIKE_MS);
    } else {
      const position = body.current && gapAt(body.current, event, count);
      if (position !== null) waiting.current = setTimeout(() => setWriting({ op: "insert", position }), STRIKE_MS);
    }
  };
  const onDblClick = (event: MouseEvent) => {
    const unit = unitAt(event);
    if (unit === null || !live || writing) return;
    globalThis.getSelection?.()?.removeAllRanges();
    setWriting({ op: "replace", position: unit });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const focused = unitAt(event) ?? active;
    const position = changes.inserted[focused - count]?.position ?? Math.min(focused, count);
    const acts: Record<string, () => void> = {
      " ": () => strike(focused, event.shiftKey ? "sentence" : scope),
      Enter: () => setWriting({ op: "replace", position: focused }),
      i: () => setWriting({ op: "insert", position }),
      Insert: () => setWriting({ op: "insert", position }),
      a: () => setWriting({ op: "insert", position: Math.min(position + Number(focused < count), count) }),
    };
    const act = live ? acts[event.key] : undefined;
    if (act) {
      event.preventDefault();
      act();
      return;
    }
    let step = MOVES[event.key];
    if (!step) return;
    if (isRightToLeft(event.currentTarget as Element) && !/Up|Down/.test(event.key)) step = -step;
    event.preventDefault();
    const words = [...(event.currentTarget as Element).querySelectorAll<HTMLElement>(".w")];
    const here = words.findIndex((one) => one.dataset["unit"] === String(focused));
    words[Math.max(0, Math.min(words.length - 1, here + step))]?.focus();
  };
  const keys = live ? "; Space strikes, Enter edits, I inserts before, A after" : "";
  const label = `Text, ${counted(layout.offsets.length, layout.units || "words")} in reading order${keys}`;
  return (
    <div
      ref={body}
      class={`tx-body${live ? " live" : ""}`}
      dir="auto"
      role="group"
      aria-label={label}
      onMouseDown={(event) => {
        ending.current = writing !== null;
        // Shift strikes a sentence here: it must not select up to this word
        if (live && event.shiftKey && unitAt(event) !== null) event.preventDefault();
      }}
      onClick={onClick}
      onDblClick={onDblClick}
      onKeyDown={onKeyDown}
      onPointerOver={point}
      onPointerLeave={() => setHot(null)}
      onFocusIn={point}
      onFocusOut={() => setHot(null)}
    >
      {count <= LONG
        ? stretch(0, count)
        : Array.from({ length: Math.ceil(count / STRETCH) }, (_, i) => (
            <Stretch key={i} sight={sight} draw={() => stretch(i * STRETCH, Math.min((i + 1) * STRETCH, count))} />
          ))}
    </div>
  );
}

/** After writing by keyboard the focus goes back to the word. */
function useRefocus(body: RefObject<HTMLElement | null>, writing: Writing) {
  const unit = useRef<number | null>(null);
  useLayoutEffect(() => {
    if (writing || unit.current === null) return;
    body.current?.querySelector<HTMLElement>(`[data-unit="${unit.current}"]`)?.focus();
    unit.current = null;
  });
  return unit;
}

/** What was written as edits: nothing new is none, nothing at all strikes. */
function editOf(
  op: "replace" | "insert",
  position: number,
  typed: string,
  before: string,
  original: (unit: number) => string,
  replaced: boolean,
): Edit[] {
  const text = typed.trim();
  if (op === "insert") return text === "" ? [] : [{ op, position, text }];
  if (text === before) return [];
  if (text === "") return [{ op: "strike", positions: [position] }];
  if (text === original(position)) return replaced ? [{ op: "restore", positions: [position] }] : [];
  return [{ op, position, text }];
}

const isSelecting = () => (globalThis.getSelection?.()?.toString() ?? "") !== "";

const isRightToLeft = (element: Element) => getComputedStyle(element).direction === "rtl";

/** Before which unit somebody clicked between words; null beside the text. */
function gapAt(body: Element, event: MouseEvent, count: number): number | null {
  const words: Placed[] = [];
  for (const element of body.querySelectorAll<HTMLElement>("[data-unit]")) {
    const unit = Number(element.dataset["unit"]);
    if (unit < count) words.push({ unit, box: element.getBoundingClientRect() });
  }
  return placeOf(words, event.clientX, event.clientY, isRightToLeft(body));
}

interface WordProps {
  unit: number;
  text: string;
  live: boolean;
  /** Which bar, if any. */
  kind: string;
  height: number;
  /** Strength of the ground in percent. */
  ground: number;
  label: string;
  struck: boolean;
  isHot: boolean;
  tab: boolean;
}

/** A bar above the word raises, below lowers; its thickness is the weight. Drawn anew only if it changed. */
class Word extends Component<WordProps> {
  override shouldComponentUpdate(next: WordProps): boolean {
    const { props } = this;
    for (const name in next) if (next[name as keyof WordProps] !== props[name as keyof WordProps]) return true;
    return false;
  }

  override render({ unit, text, live, kind, height, ground, label, struck, isHot, tab }: WordProps) {
    return (
      <span
        class={`w${kind}${isHot ? " hot" : ""}`}
        role="button"
        {...OWN_KEYS}
        data-unit={unit}
        aria-pressed={struck}
        aria-disabled={!live}
        aria-label={label}
        tabIndex={tab ? 0 : -1}
        style={kind ? { "--h": `${height}px`, "--a": `${ground}%` } : undefined}
      >
        {text}
      </span>
    );
  }
}

function markOf({ value, error }: Entry, end: number) {
  const share = Math.min(1, Math.abs(value) / end) || 0;
  if (share < FAINT_SHARE) return { kind: "", height: 0, ground: 0 };
  const sign = value < 0 ? " neg" : " pos";
  if (couldBeZero(value, error)) return { kind: `${sign} hollow`, height: 3, ground: 0 };
  // coarse steps: fewer words change from frame to frame
  return { kind: sign, height: Math.max(1, Math.round(7 * share)), ground: 4 * Math.round(25 * Math.sqrt(share)) };
}
