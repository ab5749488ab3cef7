import { featureOfUnit, namesAfter } from "../features";
import { decider, nearestFlips, present, turningAlone } from "../flips";
import { counted, shortened } from "../format";
import type { Edit, Geometry } from "../schema.gen";
import type { Store } from "../store";
import { featureWord } from "../words";

const SAID = 3;

interface Offer {
  feature: number;
  name: string;
  words: string;
  edit: Edit;
}

/** The nearest single changes that turn the decision, each one click to try. */
export function Flips({ store }: { store: Store }) {
  const geometry = store.geometry.value;
  const { estimate } = store.picture.value;
  if (!geometry || !estimate) return null;
  const found =
    geometry.layout.type === "columns" ? valuesThatFlip(store, geometry) : featuresThatFlip(store, geometry);
  if (!found) return null;
  const { offers, none, way } = found;
  if (offers.length === 0) return <> {none}</>;
  const named = offers.slice(0, SAID);
  return (
    <>
      {` To flip it${way && `, ${way}`}${named.length > 1 ? " one" : ""}: `}
      {named.map(({ feature, name, words, edit }, i) => (
        <>
          {i > 0 && " "}
          <button
            key={feature}
            type="button"
            class="lnk"
            disabled={!store.reachable.value}
            onClick={() => store.whatif.change(edit)}
          >
            <bdi>{name}</bdi>
            {words && ` ${words}`}
            <span class="sep">{i < named.length - 1 ? "," : "."}</span>
          </button>
        </>
      ))}
    </>
  );
}

interface Found {
  offers: Offer[];
  none: string;
  way: string;
}

function valuesThatFlip(store: Store, geometry: Geometry): Found | null {
  const { estimate, row, target } = store.picture.value;
  const { whatif } = store;
  if (!estimate || geometry.layout.type !== "columns") return null;
  const { columns } = geometry.layout;
  const decide = decider(geometry, target, row);
  const scores = present(store.predictions.value, estimate.targets);
  const paths = store.paths.value;
  const caughtUp = paths.run === estimate.run && whatif.foreseen.value === null;
  const behind = store.behind.value;
  const flips = nearestFlips(geometry, paths, whatif.changes.value, decide, scores, caughtUp ? row : null, behind);
  if (!flips || (flips.length === 0 && behind(""))) return null;
  const offers = flips.map(({ feature, name, words, value }) => {
    const column = columns[feature];
    return {
      feature,
      name: shortened(name),
      words,
      edit: { op: "set" as const, feature: column?.key ?? column?.name ?? "", value },
    };
  });
  return { offers, none: "No single change flips it.", way: offers.length > 1 ? "change" : "" };
}

function featuresThatFlip(store: Store, geometry: Geometry): Found | null {
  const { estimate, row, target } = store.picture.value;
  const { layout } = geometry;
  const paths = store.paths.value;
  const ahead = store.whatif.foreseen.value !== null || store.whatif.edits.value.length > 0;
  if (!estimate || ahead || paths.run !== estimate.run) return null;
  const scores = present(estimate.predictions, estimate.targets);
  const found = turningAlone(paths, decider(geometry, target, row), scores);
  if (!found) return null;
  const names = namesAfter(geometry, store.whatif.changes.value);
  const things = featureWord(geometry);
  const all = paths.presence.size >= estimate.n_features;
  const offers = found.map((feature) => ({
    feature,
    name: shortened(names[feature] ?? `feature ${feature + 1}`),
    words: "",
    edit: without(layout, feature),
  }));
  return {
    offers,
    none: `${all ? `No single ${things.replace(/s$/, "")}` : `None of the ${counted(paths.presence.size, `largest ${things}`)}`} flips it when taken away.`,
    way: layout.type === "tokens" ? "strike" : "hide",
  };
}

/** The edit that takes a feature of a text or photo away. */
function without(layout: Geometry["layout"], feature: number): Edit {
  if (layout.type !== "tokens") return { op: "hide", pieces: [feature] };
  const units = layout.offsets.map((_, unit) => unit);
  return { op: "strike", positions: units.filter((unit) => featureOfUnit(layout.groups, unit) === feature) };
}
