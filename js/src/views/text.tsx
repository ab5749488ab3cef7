import { Component, type ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Axis, Bar } from "../components/bar";
import { OWN_KEYS } from "../components/keys";
import { featureOfUnit, namesAfter, rowsOf } from "../features";
import { counted, decimalsFor, signClass, signed, UNKNOWN } from "../format";
import { couldBeZero, FAINT_SHARE } from "../scales";
import type { Geometry, TextLayout } from "../schema.gen";
import type { Picture, Store } from "../store";
import { reading } from "../words";
import { Alone } from "./alone";

const LISTED = 12;

/** Words as one entry: a feature, or all features that spell the same. */
interface Entry {
  key: number;
  word: string;
  count: number;
  value: number;
  error: number | undefined;
}

/** Entry of each feature. Errors of equal words add up as if they were independent: the view says so. */
export function entriesOf(layout: TextLayout, names: string[], picture: Picture, grouped: boolean) {
  const { values, errors } = picture;
  const counts = new Map<number, number>();
  layout.offsets.forEach((_, unit) => {
    const feature = featureOfUnit(layout.groups, unit);
    counts.set(feature, (counts.get(feature) ?? 0) + 1);
  });
  const entries: Entry[] = [];
  const ofFeature: number[] = [];
  const seen = new Map<string, number>();
  names.forEach((word, feature) => {
    const spelled = word.toLocaleLowerCase();
    const known = grouped ? seen.get(spelled) : undefined;
    const value = values?.[feature] ?? Number.NaN;
    const error = errors?.[feature];
    const count = counts.get(feature) ?? 1;
    if (known === undefined) {
      seen.set(spelled, entries.length);
      ofFeature[feature] = entries.length;
      entries.push({ key: entries.length, word, count, value, error });
      return;
    }
    const entry = entries[known] as Entry;
    ofFeature[feature] = known;
    entry.count += count;
    entry.value += value;
    if (entry.error !== undefined && error !== undefined) entry.error = Math.hypot(entry.error, error);
  });
  return { entries, ofFeature };
}

/** Order of the list: rows keep their place while the estimate streams, grouped ones at their first word. */
function listed(entries: Entry[], ofFeature: number[], picture: Picture, grouped: boolean): Entry[] {
  const order = picture.order.length ? picture.order : ofFeature.map((_, feature) => feature);
  const places = order.map((feature) => ofFeature[feature]).filter((at) => at !== undefined);
  const inOrder = [...new Set(places)].map((at) => entries[at] as Entry);
  if (!grouped || picture.streaming) return inOrder;
  return inOrder.sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
}

/** The text with its words marked, and the words as a list. */
export function TextView({ store }: { store: Store }) {
  const [hot, setHot] = useState<number | null>(null);
  const geometry = store.geometry.value;
  const picture = store.picture.value;
  if (geometry?.layout.type !== "tokens") return null;
  const layout = geometry.layout;
  const grouped = store.display.value.grouped ?? false;
  const changes = store.whatif.changes.value;
  const names = namesAfter(geometry, changes);
  const { entries, ofFeature } = entriesOf(layout, names, picture, grouped);
  const largest = entries.reduce((most, entry) => Math.max(most, Math.abs(entry.value) || 0), 0);
  const end = Math.max(picture.end, largest);
  const removed = store.removal.value?.removed;
  const kept = new Set(ofFeature.filter((_, feature) => !removed?.has(feature)));
  const shared = { entries, picture, geometry, end, hot, setHot };
  return (
    <div class="tx">
      <div>
        <Body store={store} layout={layout} ofFeature={ofFeature} {...shared} />
        <Key
          store={store}
          alone={hot === null || ofFeature.indexOf(hot) !== ofFeature.lastIndexOf(hot) ? -1 : ofFeature.indexOf(hot)}
          geometry={geometry}
          entry={hot === null ? undefined : entries[hot]}
          end={end}
          picture={picture}
        />
      </div>
      <WordList {...shared} rows={listed(entries, ofFeature, picture, grouped)} kept={kept} />
    </div>
  );
}

interface SharedProps {
  entries: Entry[];
  picture: Picture;
  geometry: Geometry;
  end: number;
  hot: number | null;
  setHot: (entry: number | null) => void;
}

const MOVES: Record<string, number> = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/** A click strikes after this many ms, so that the first half of a double click, which selects, does not. */
const STRIKE_MS = 200;

interface BodyProps extends SharedProps {
  store: Store;
  layout: TextLayout;
  ofFeature: number[];
}

function Body(props: BodyProps) {
  const { store, layout, ofFeature, entries, geometry, end, hot, setHot } = props;
  const [active, setActive] = useState(0);
  const waiting = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(waiting.current), []);
  const changes = store.whatif.changes.value;
  const removed = store.removal.value?.removed;
  const live = store.reachable.value;
  const marks = entries.map((entry) => {
    const known = Number.isFinite(entry.value);
    const says = known ? reading(entry.value, entry.error, geometry.output_unit, end) : "not known yet";
    return { ...markOf(entry, end), says };
  });
  const parts: ComponentChildren[] = [];
  const count = layout.offsets.length;
  const known = new Set(layout.offsets.map((_, unit) => featureOfUnit(layout.groups, unit))).size;
  const word = (unit: number, feature: number, text: string, way: "" | " gone" | " new") => {
    const key = ofFeature[feature] ?? -1;
    const { kind = "", height = 0, ground = 0, says = "" } = marks[key] ?? {};
    const struck = way === " gone" || (removed?.has(feature) ?? false);
    parts.push(
      <Word
        {...{ unit, text, height: struck ? 0 : height, ground: struck ? 0 : ground }}
        kind={struck ? " gone" : `${kind}${way}`}
        key={unit}
        label={`${text}, ${way === " gone" ? "struck" : struck ? "removed" : says}`}
        isHot={key === hot}
        tab={unit === active}
      />,
    );
  };
  // inserted words count on after those of the original, in the order in which they were inserted
  const insertedBefore = (position: number) => {
    changes.inserted.forEach((inserted, i) => {
      if (inserted.position !== position) return;
      if (position === count) parts.push(" ");
      word(count + i, known + i, inserted.text, " new");
      if (position < count) parts.push(" ");
    });
  };
  let at = 0;
  layout.offsets.forEach(([start = 0, stop = 0], unit) => {
    if (start > at) parts.push(layout.text.slice(at, start));
    at = stop;
    insertedBefore(unit);
    const replaced = changes.replaced.get(unit);
    const way = changes.struck.has(unit) ? " gone" : replaced === undefined ? "" : " new";
    word(unit, featureOfUnit(layout.groups, unit), replaced ?? layout.text.slice(start, stop), way);
  });
  insertedBefore(count);
  parts.push(layout.text.slice(at));
  /** Strikes a word or takes that back, with all that are one feature or are shown as one. */
  const strike = (unit: number) => {
    if (!live || unit >= count) return;
    const entry = ofFeature[featureOfUnit(layout.groups, unit)];
    const units = layout.offsets.map((_, other) => other);
    const positions = units.filter((other) => ofFeature[featureOfUnit(layout.groups, other)] === entry);
    const gone = changes.struck.has(unit) || changes.replaced.has(unit);
    store.whatif.change({ op: gone ? "restore" : "strike", positions });
  };
  // one listener for all words: a text may have thousands
  const unitAt = (event: Event) => {
    const unit = (event.target as Element).closest<HTMLElement>("[data-unit]")?.dataset["unit"];
    return unit === undefined ? null : Number(unit);
  };
  const point = (event: Event) => {
    const unit = unitAt(event);
    if (unit !== null && event.type === "focusin") setActive(unit);
    setHot(unit === null ? null : (ofFeature[featureOfUnit(layout.groups, unit)] ?? null));
  };
  const onClick = (event: MouseEvent) => {
    const unit = unitAt(event);
    clearTimeout(waiting.current);
    if (unit !== null && event.detail <= 1) waiting.current = setTimeout(() => strike(unit), STRIKE_MS);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const focused = unitAt(event);
    if (event.key === " " && focused !== null && live) {
      event.preventDefault();
      strike(focused);
      return;
    }
    const rightToLeft = getComputedStyle(event.currentTarget as Element).direction === "rtl";
    let step = MOVES[event.key];
    if (!step) return;
    if (rightToLeft && event.key !== "ArrowUp" && event.key !== "ArrowDown") step = -step;
    event.preventDefault();
    const words = (event.currentTarget as Element).querySelectorAll<HTMLElement>(".w");
    words[Math.max(0, Math.min(words.length - 1, active + step))]?.focus();
  };
  const label = `Text, ${counted(layout.offsets.length, layout.units || "words")} in reading order`;
  return (
    <div
      class={`tx-body${live ? " live" : ""}`}
      dir="auto"
      role="listbox"
      aria-label={label}
      aria-orientation="horizontal"
      onClick={onClick}
      onDblClick={() => clearTimeout(waiting.current)}
      onKeyDown={onKeyDown}
      onPointerOver={point}
      onPointerLeave={() => setHot(null)}
      onFocusIn={point}
      onFocusOut={() => setHot(null)}
    >
      {parts}
    </div>
  );
}

interface WordProps {
  unit: number;
  text: string;
  /** Which bar, if any. */
  kind: string;
  height: number;
  /** Strength of the ground in percent. */
  ground: number;
  label: string;
  isHot: boolean;
  tab: boolean;
}

/** A bar above the word raises, below lowers; its thickness is the weight. Drawn anew only if it changed. */
class Word extends Component<WordProps> {
  override shouldComponentUpdate(next: WordProps): boolean {
    return (Object.keys(next) as (keyof WordProps)[]).some((name) => next[name] !== this.props[name]);
  }

  override render({ unit, text, kind, height, ground, label, isHot, tab }: WordProps) {
    return (
      <span
        class={`w${kind}${isHot ? " hot" : ""}`}
        role="option"
        {...OWN_KEYS}
        data-unit={unit}
        aria-selected={isHot}
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

/** What the marks mean; while a word is pointed at, its numbers. */
function Key({
  store,
  alone,
  geometry,
  entry,
  end,
  picture,
}: {
  store: Store;
  /** The entry's feature, if it is one; -1 if it is several. */
  alone: number;
  geometry: Geometry;
  entry: Entry | undefined;
  end: number;
  picture: Picture;
}) {
  const name = picture.estimate?.target_names[picture.row] ?? "the output";
  if (entry && Number.isFinite(entry.value))
    return (
      <div class="tx-key">
        <span>
          <bdi class="ink">{entry.word}</bdi>
          {entry.count > 1 && ` ×${entry.count}`} {reading(entry.value, entry.error, geometry.output_unit, end)}
          {alone >= 0 && <Alone store={store} feature={alone} verb="struck" />}
        </span>
      </div>
    );
  return (
    <div class="tx-key">
      <span>
        <span class="k up">bar above</span> raises <bdi>{name}</bdi>
      </span>
      <span>
        <span class="k down">bar below</span> lowers it
      </span>
      <span>no bar: near zero</span>
    </div>
  );
}

interface ListProps extends SharedProps {
  rows: Entry[];
  /** Entries of which something is left in the text. */
  kept: ReadonlySet<number>;
}

/** The words by weight; pointing at one outlines it in the text, and back. */
function WordList({ rows, kept, picture, geometry, end, hot, setHot }: ListProps) {
  const decimals = decimalsFor(geometry.output_unit, end);
  // a lone last word takes no more room than the line that would hide it
  const shown = rows.length <= LISTED + 1 ? rows : rows.slice(0, LISTED);
  const rest = rows.slice(shown.length);
  const sum = rest.reduce((total, entry) => total + entry.value, 0);
  const word = geometry.layout.type === "tokens" ? geometry.layout.units || "words" : "words";
  // weights of a long text are small and have many decimals: the column is as wide as the longest
  const digits = Math.max(0, ...shown.map((entry) => signed(entry.value, decimals).length));
  const onKeyDown = (event: KeyboardEvent) => {
    const step =
      event.key === "ArrowDown" ? "nextElementSibling" : event.key === "ArrowUp" ? "previousElementSibling" : null;
    const next = step && (event.target as Element)[step];
    if (!step) return;
    event.preventDefault();
    if (next instanceof HTMLElement && next.tabIndex <= 0) next.focus();
  };
  return (
    <div class="tx-list" style={{ "--digits": `${digits}ch` }}>
      <div class="tx-h">
        <span>{word.replace(/s$/, "")}</span>
        <Axis end={end} decimals={decimals} words={false} />
        <span class="num">weight</span>
      </div>
      <ul aria-label={`${word} by weight`} onKeyDown={onKeyDown}>
        {shown.map((entry, place) => (
          <li
            {...OWN_KEYS}
            key={entry.key}
            class={`tx-r${couldBeZero(entry.value, entry.error) ? " faint" : ""}${entry.key === hot ? " hot" : ""}${kept.has(entry.key) ? "" : " gone"}`}
            tabIndex={place === 0 ? 0 : -1}
            onPointerEnter={() => setHot(entry.key)}
            onPointerLeave={() => setHot(null)}
            onFocus={() => setHot(entry.key)}
            onBlur={() => setHot(null)}
          >
            <span class="wd" title={entry.word}>
              <bdi>{entry.word}</bdi>
              {entry.count > 1 && <span class="q s"> ×{entry.count}</span>}
            </span>
            <Bar value={entry.value} error={entry.error} end={end} />
            <span class={`num ${signClass(entry.value, decimals)}`}>
              {picture.values ? signed(entry.value, decimals) : UNKNOWN}
            </span>
          </li>
        ))}
      </ul>
      {rest.length > 0 && picture.values && (
        <div class="tx-rest q">
          <span>{counted(rest.length, `other ${word}`)} together</span>
          <span class="num">{signed(sum, decimals)}</span>
        </div>
      )}
    </div>
  );
}

/** Adds up the weights of equal words; only where the method itself treats them one by one. */
export function GroupToggle({ store }: { store: Store }) {
  const geometry = store.geometry.value;
  if (geometry?.layout.type !== "tokens") return null;
  const names = rowsOf(geometry).map((row) => row.name.toLocaleLowerCase());
  if (new Set(names).size === names.length) return null;
  const grouped = store.display.value.grouped ?? false;
  return (
    <label class="chk" title="Adds up the weights of equal words; their intervals are approximate">
      <input
        type="checkbox"
        checked={grouped}
        onChange={(event) => store.show({ grouped: event.currentTarget.checked })}
      />
      Group equal words
    </label>
  );
}
