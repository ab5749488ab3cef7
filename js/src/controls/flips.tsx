import { decider, nearestFlips, present } from "../flips";
import type { Store } from "../store";

const SAID = 3;

/** The nearest single changes that turn the decision, each one click to try. */
export function Flips({ store }: { store: Store }) {
  const geometry = store.geometry.value;
  const { estimate, row, target } = store.picture.value;
  const { whatif } = store;
  if (!geometry || !estimate) return null;
  const decide = decider(geometry, target, row);
  const scores = present(store.predictions.value, estimate.targets);
  const flips = nearestFlips(geometry, store.paths.value, whatif.changes.value, decide, scores);
  if (!flips) return null;
  if (flips.length === 0) return <> No single change flips it.</>;
  const named = flips.slice(0, SAID);
  return (
    <>
      {named.length > 1 ? " To flip it, change one: " : " To flip it: "}
      {named.map(({ feature, name, value, words }, i) => (
        <>
          {i > 0 && " "}
          <button
            key={feature}
            type="button"
            class="lnk"
            disabled={!store.reachable.value}
            onClick={() => whatif.change({ op: "set", feature: keyOfFeature(store, feature), value })}
          >
            <bdi>{name}</bdi> {words}
            {i < named.length - 1 && <span class="sep">,</span>}
          </button>
        </>
      ))}
      .
    </>
  );
}

function keyOfFeature(store: Store, feature: number): string {
  const layout = store.geometry.peek()?.layout;
  const column = layout?.type === "columns" ? layout.columns[feature] : undefined;
  return column?.key ?? column?.name ?? "";
}
