/** Several explanations of one prediction: what each says, whether the model bears it out, how far they agree. */
import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { columnsOf, orderBy } from "./board";
import { changeWords } from "./controls/changed";
import { CompareHead } from "./controls/compared";
import { Hands } from "./controls/hands";
import { Message, Messages } from "./controls/message";
import { prediction } from "./format";
import { Above, Guard, useEscape } from "./guard";
import type { Board } from "./schema.gen";
import type { Store } from "./store";
import { Figures } from "./views/figures";
import { Agreement, Curves, Metrics } from "./views/judged";
import { SideBySide } from "./views/sidebyside";

interface CompareProps {
  store: Store;
  root: HTMLElement;
  onBroken: (error: unknown) => void;
}

export function CompareApp({ store, root, onBroken }: CompareProps) {
  useEscape(root, store);
  return (
    <Guard onBroken={onBroken}>
      <Compared store={store} root={root} />
    </Guard>
  );
}

function Compared({ store, root }: Pick<CompareProps, "store" | "root">) {
  const [hot, setHot] = useState(-1);
  const shown = store.board.value;
  const { target = 0, column: by = -1 } = store.display.value;
  const output = target < (shown?.output_names.length ?? 0) ? target : 0;
  const setOutput = (at: number) => store.show({ target: at });
  const setBy = (at: number) => store.show({ column: at });
  const streaming = store.status.value?.state === "running" && store.reachable.value;
  const order = useOrder(shown, output, by, streaming || hot >= 0);
  if (!shown || shown.columns.length === 0)
    return (
      <>
        <Above key="above" store={store} root={root}>
          <Verdict key="verdict" streaming={false} />
        </Above>
        <Message kind="note">
          <p class="m">Getting the first prediction from the model.</p>
        </Message>
        <Messages store={store} />
      </>
    );
  const columns = columnsOf(shown, output);
  const { verdict, reason, notices } = shown;
  const pointed = { hot, setHot };
  return (
    <>
      <Above key="above" store={store} root={root}>
        <CompareHead {...{ store, board: shown, output, setOutput }} />
        <Messages store={store} />
        <Verdict key="verdict" streaming={streaming}>
          <Moved store={store} board={shown} output={output} /> {verdict}
        </Verdict>
      </Above>
      <Figures {...{ store, board: shown, columns, ...pointed }} />
      <SideBySide {...{ store, board: shown, columns, output, setBy, ...order, ...pointed }} />
      <Hands store={store} />
      <div class="cp-b">
        <Curves board={shown} columns={columns} output={output} streaming={streaming} />
        <Agreement board={shown} output={output} streaming={streaming} />
      </div>
      <Metrics columns={columns} />
      <p class="s q">{[reason, ...notices].join(" ")}</p>
    </>
  );
}

/** Keyed, so that it stays the same element: a screen reader hears only what changes in a region that it knows. */
function Verdict({ streaming, children }: { streaming: boolean; children?: ComponentChildren }) {
  return (
    <p class="jx-say" aria-live={streaming ? "off" : "polite"}>
      {children}
    </p>
  );
}

/** What the reader's changes come to, where the rows do not say it themselves; left as it was under a moving hand. */
function Moved({ store, board, output }: { store: Store; board: Board; output: number }) {
  const kept = useRef<ComponentChildren>(null);
  const geometry = store.geometry.value;
  const was = store.originally.value?.[output];
  const now = store.predictions.value?.[output];
  if (store.whatif.moving.value) return <>{kept.current}</>;
  const what = geometry ? changeWords(geometry, store.whatif.changes.value) : "";
  kept.current = what && was !== undefined && now !== undefined && (
    <>
      {what}:{" "}
      <b>
        {prediction(was, board.output_unit)} {"\u2192"} {prediction(now, board.output_unit)}
      </b>
      .
    </>
  );
  return <>{kept.current}</>;
}

/** By which column features are sorted, and their order: rows keep their places under a hand and while they fill. */
function useOrder(board: Board | null, output: number, by: number, frozen: boolean) {
  const last = useRef<{ key: string; order: number[] } | null>(null);
  if (!board) return { by: 0, order: [] };
  const columns = columnsOf(board, output);
  const first = columns.findIndex((each) => each.values !== null);
  const sorted = columns[by]?.values ? by : Math.max(0, first);
  const key = `${sorted} ${output} ${board.names.length}`;
  if (!frozen || last.current?.key !== key)
    last.current = { key, order: orderBy(columns[sorted]?.values ?? null, board.names.length) };
  return { by: sorted, order: last.current.order };
}
