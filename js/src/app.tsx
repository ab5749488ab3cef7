/** Puts a view together: which controls stand where, and which picture fits the layout. */
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { RichText } from "./components/rich";
import { Changed } from "./controls/changed";
import { Flips } from "./controls/flips";
import { Foot } from "./controls/foot";
import { Head } from "./controls/head";
import { isFlat, Message, Messages } from "./controls/message";
import { RemovalRow } from "./controls/removal";
import { Sum } from "./controls/sum";
import { namesAfter } from "./features";
import { Above, Guard, useEscape } from "./guard";
import type { Geometry } from "./schema.gen";
import type { Store } from "./store";
import { ImageView } from "./views/image";
import { Matrix } from "./views/matrix";
import { TableView } from "./views/table";
import { GroupToggle, TextView } from "./views/text";
import { countSentence, featureWord, mapSentence, sentence } from "./words";

interface AppProps {
  store: Store;
  root: HTMLElement;
  /** The view cannot be drawn: let the static picture show. */
  onBroken: (error: unknown) => void;
}

export function App({ store, root, onBroken }: AppProps) {
  const narrow = useNarrow(root);
  useEscape(root, store);
  return (
    <Guard onBroken={onBroken}>
      <Above store={store} root={root}>
        <Head store={store} />
        <Sum store={store} />
        <Messages store={store} />
        <Sentence store={store} />
      </Above>
      <Body store={store} narrow={narrow} />
    </Guard>
  );
}

function Sentence({ store }: { store: Store }) {
  const geometry = store.geometry.value;
  const { values, errors, streaming, prediction, estimate, target } = store.picture.value;
  const map = estimate?.pixels.get(target);
  // in thousands of pixels it is looked for once, not at every word that changes around it
  const told = useMemo(() => map && mapSentence(map), [map]);
  const live = streaming || store.whatif.moving.value ? "off" : "polite";
  // the element stays while it is empty: a screen reader hears only what changes in a region that it knows
  const kind = flipsNamed(geometry) ? "jx-say two" : "jx-say";
  if (!geometry || !(values ?? told) || isFlat(values, prediction))
    return (
      <p class={kind} aria-live={live}>
        {geometry && values && <Changed store={store} />}
      </p>
    );
  const names = namesAfter(geometry, store.whatif.changes.value);
  const rich = !values
    ? (told ?? [])
    : geometry.layout.type === "pixels"
      ? countSentence(values, errors, featureWord(geometry))
      : sentence(values, errors, (feature) => names[feature] ?? `feature ${feature + 1}`);
  return (
    <p class={kind} aria-live={live}>
      <Come store={store} what={Changed} />
      <RichText rich={rich} />
      <Come store={store} what={Flips} />
    </p>
  );
}

/** Whether the sentence names values that flip the decision: they come after the rest, and find their line there. */
const flipsNamed = (geometry: Geometry | null) =>
  geometry?.layout.type === "columns" && (geometry.threshold !== null || geometry.n_outputs > 1);

/** What the changes come to, or what would flip it; while a hand is moving it is left as it was. */
function Come({ store, what }: { store: Store; what: typeof Changed }) {
  const kept = useRef<ComponentChildren>(null);
  if (!store.whatif.moving.value) kept.current = what({ store });
  return <>{kept.current}</>;
}

function Body({ store, narrow }: { store: Store; narrow: boolean }) {
  const geometry = store.geometry.value;
  const { values, estimate, prediction, row } = store.picture.value;
  if (!geometry) {
    if (store.status.value?.error) return null;
    return (
      <Message kind="note">
        <p class="m">Getting the first prediction from the model.</p>
      </Message>
    );
  }
  const type = geometry.layout.type;
  const { response, removal, adjustment } = store.paths.value;
  const still = [
    "Hover",
    ...(type === "pixels" ? ["opacity", "threshold"] : type === "tokens" ? ["grouping"] : ["sort"]),
    ...(response.size + adjustment.size > 0 ? ["sliders"] : []),
    ...(removal.size > 0 ? ["the removal slider"] : []),
  ].join(", ");
  // what was changed by hand has to be there to be changed back
  const untouched = type !== "pixels" && store.whatif.edits.value.length === 0;
  const flat = untouched && estimate?.state !== "running" && isFlat(values, prediction);
  return (
    <>
      {!flat &&
        (type === "tokens" ? (
          <TextView store={store} />
        ) : type === "pixels" ? (
          <ImageView store={store} />
        ) : (
          <TableView store={store} narrow={narrow} />
        ))}
      {!flat && <RemovalRow store={store} />}
      {estimate?.pairs && row >= 0 && <Matrix store={store} pairs={estimate.pairs} output={row} directed />}
      <Foot store={store} still={`${still} and the output switch`}>
        <GroupToggle store={store} />
      </Foot>
    </>
  );
}

const NARROW = 600;

/** Whether the container, not the window, is too narrow for one line a row. */
function useNarrow(root: HTMLElement): boolean {
  const [narrow, setNarrow] = useState(() => root.clientWidth > 0 && root.clientWidth < NARROW);
  useEffect(() => {
    if (typeof ResizeObserver === "undefined") return;
    const observer = new ResizeObserver(() => {
      if (root.clientWidth > 0) setNarrow(root.clientWidth < NARROW);
    });
    observer.observe(root);
    return () => observer.disconnect();
  }, [root]);
  return narrow;
}
