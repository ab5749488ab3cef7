import { useMemo, useRef, useState } from "preact/hooks";
import { Axis, Bar } from "../components/bar";
import { OWN_KEYS } from "../components/keys";
import { useShared } from "../components/shared";
import { useStill } from "../components/still";
import { namesAfter, rowsOf } from "../features";
import { counted, decimalsFor, shortened, signClass, signed, UNKNOWN } from "../format";
import { couldBeZero } from "../scales";
import type { Geometry, TextLayout } from "../schema.gen";
import type { Picture, Store } from "../store";
import { reading } from "../words";
import { Alone } from "./alone";
import { Body, type Scope, type SharedProps } from "./body";
import { type Entries, type Entry, entriesOf } from "./entries";

const LISTED = 12;

/** Order of the list: rows keep their place while the estimate streams, grouped ones at their first word. */
function listed(entries: Entries, picture: Picture, grouped: boolean): readonly number[] {
  const { ofFeature, values } = entries;
  const order = picture.order.length ? picture.order : [...ofFeature.keys()];
  const places = order.map((feature) => ofFeature[feature]).filter((at) => at !== undefined);
  if (!grouped) return places;
  const inOrder = [...new Set(places)];
  if (picture.streaming || !values) return inOrder;
  return inOrder.sort((a, b) => Math.abs(values[b] as number) - Math.abs(values[a] as number));
}

/** The text with its words marked, and the words as a list. */
export function TextView({ store }: { store: Store }) {
  const [hot, setHot] = useState<number | null>(null);
  const [scope, setScope] = useShared<Scope>(store, "scope", "word");
  const ruler = useRef<{ sums: string; end: number } | null>(null);
  const geometry = store.geometry.value;
  const picture = store.picture.value;
  const grouped = store.display.value.grouped ?? false;
  const names = namesAfter(geometry, store.whatif.changes.value);
  const layout = geometry?.layout.type === "tokens" ? geometry.layout : null;
  // pointing at words draws anew, and changes none of these
  const made = useMemo(() => {
    if (!layout) return null;
    const entries = entriesOf(layout, names, picture, grouped);
    const { values } = entries;
    let largest = 0;
    for (let i = 0; values && i < values.length; i++) largest = Math.max(largest, Math.abs(values[i] as number) || 0);
    return { entries, largest, rows: listed(entries, picture, grouped) };
  }, [layout, names, picture, grouped]);
  if (!geometry || !layout || !made) return null;
  const { entries, largest, rows } = made;
  const { ofFeature } = entries;
  // sums of equal words may be larger than any word; after a change by hand their scale stays as well
  const wanted = Math.max(picture.end, largest);
  const sums = `${picture.target} ${picture.estimate?.method}`;
  if (!picture.estimate?.edited && grouped) ruler.current = { sums, end: wanted };
  const frozen = picture.estimate?.edited && ruler.current?.sums === sums ? ruler.current.end : wanted;
  const end = grouped ? frozen : picture.end;
  const removed = store.removal.value?.removed;
  const kept = removed && new Set(ofFeature.filter((_, feature) => !removed.has(feature)));
  const shared = { entries, geometry, end, hot, setHot };
  return (
    <div class="tx">
      <div>
        <Body store={store} layout={layout} scope={scope} {...shared} />
        <Key
          store={store}
          alone={hot === null || ofFeature.indexOf(hot) !== ofFeature.lastIndexOf(hot) ? -1 : ofFeature.indexOf(hot)}
          geometry={geometry}
          entry={entries.at(hot)}
          end={end}
          picture={picture}
        />
        {store.reachable.value && <Hint layout={layout} scope={scope} setScope={setScope} />}
      </div>
      <WordList {...shared} picture={picture} rows={rows} kept={kept} />
    </div>
  );
}

interface HintProps {
  layout: TextLayout;
  scope: Scope;
  setScope: (scope: Scope) => void;
}

/** What the hand can do, and how much a click strikes. */
function Hint({ layout, scope, setScope }: HintProps) {
  const one = (layout.units || "words").replace(/s$/, "");
  const wider = layout.units !== "sentences";
  return (
    <div class="tx-key">
      <span>
        click strikes{" "}
        {wider ? (
          <select
            {...OWN_KEYS}
            aria-label="a click strikes"
            value={scope}
            onChange={(event) => setScope(event.currentTarget.value as Scope)}
          >
            <option value="word">the {one}</option>
            <option value="equal">equal {one}s</option>
            <option value="sentence">its sentence</option>
          </select>
        ) : (
          `the ${one}`
        )}
      </span>
      <span>double click edits</span>
      <span>click between {one}s inserts</span>
    </div>
  );
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
          <bdi class="ink">{shortened(entry.word)}</bdi>
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
  picture: Picture;
  /** Entries in their order. */
  rows: readonly number[];
  /** Entries of which something is left in the text; undefined if all are. */
  kept: ReadonlySet<number> | undefined;
}

/** The words by weight; pointing at one outlines it in the text, and back. */
function WordList({ entries, rows, kept, picture, geometry, end, hot, setHot }: ListProps) {
  const decimals = decimalsFor(geometry.output_unit, end);
  const still = useStill(picture.row);
  // a lone last word takes no more room than the line that would hide it
  const count = rows.length <= LISTED + 1 ? rows.length : LISTED;
  const shown = rows.slice(0, count).map((key) => entries.at(key) as Entry);
  const rest = rows.length - count;
  let sum = 0;
  for (let i = count; i < rows.length; i++) sum += entries.values?.[rows[i] as number] ?? Number.NaN;
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
    <div class={`tx-list${still}`} style={{ "--digits": `${digits}ch` }}>
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
            class={`tx-r${couldBeZero(entry.value, entry.error) ? " faint" : ""}${entry.key === hot ? " hot" : ""}${kept?.has(entry.key) === false ? " gone" : ""}`}
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
      {rest > 0 && picture.values && (
        <div class="tx-rest q">
          <span>{counted(rest, `other ${word}`)} together</span>
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
