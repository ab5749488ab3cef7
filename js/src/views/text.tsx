import { useState } from "preact/hooks";
import { Axis, Bar } from "../components/bar";
import { OWN_KEYS } from "../components/keys";
import { namesAfter, rowsOf, unitsOf } from "../features";
import { counted, decimalsFor, signClass, signed, UNKNOWN } from "../format";
import { couldBeZero } from "../scales";
import type { Geometry, TextLayout } from "../schema.gen";
import type { Picture, Store } from "../store";
import { reading } from "../words";
import { Alone } from "./alone";
import { Body, type Entry, type Scope, type SharedProps } from "./body";

const LISTED = 12;

/** Entry of each feature. Errors of equal words add up as if they were independent: the view says so. */
export function entriesOf(
  layout: TextLayout,
  names: string[],
  picture: Pick<Picture, "values" | "errors">,
  grouped: boolean,
) {
  const { values, errors } = picture;
  const counts = unitsOf(layout);
  const entries: Entry[] = [];
  const ofFeature: number[] = [];
  const seen = new Map<string, number>();
  names.forEach((word, feature) => {
    const spelled = grouped ? word.toLocaleLowerCase() : "";
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
  const [scope, setScope] = useState<Scope>("word");
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
  const shared = { entries, geometry, end, hot, setHot };
  return (
    <div class="tx">
      <div>
        <Body store={store} layout={layout} ofFeature={ofFeature} scope={scope} {...shared} />
        <Key
          store={store}
          alone={hot === null || ofFeature.indexOf(hot) !== ofFeature.lastIndexOf(hot) ? -1 : ofFeature.indexOf(hot)}
          geometry={geometry}
          entry={hot === null ? undefined : entries[hot]}
          end={end}
          picture={picture}
        />
        {store.reachable.value && <Hint layout={layout} scope={scope} setScope={setScope} />}
      </div>
      <WordList {...shared} picture={picture} rows={listed(entries, ofFeature, picture, grouped)} kept={kept} />
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
  picture: Picture;
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
