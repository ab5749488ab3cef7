/** Several explanations of one prediction: what each says, whether the model bears it out, how far they agree. */
import type { Signal } from "@preact/signals";
import { useState } from "preact/hooks";
import { columnsOf } from "./board";
import { Message, Messages } from "./controls/message";
import { Guard, useEscape } from "./guard";
import type { Board } from "./schema.gen";
import type { Store } from "./store";
import { Agreement, Curves, Metrics } from "./views/judged";
import { CompareHead, SideBySide } from "./views/sidebyside";

interface CompareProps {
  store: Store;
  board: Signal<Board | null>;
  root: HTMLElement;
  onBroken: (error: unknown) => void;
}

export function CompareApp({ store, board, root, onBroken }: CompareProps) {
  useEscape(root, store);
  return (
    <Guard onBroken={onBroken}>
      <Compared store={store} board={board} />
    </Guard>
  );
}

function Compared({ store, board }: { store: Store; board: Signal<Board | null> }) {
  const [output, setOutput] = useState(0);
  const [by, setBy] = useState(-1);
  const shown = board.value;
  if (!shown || shown.columns.length === 0)
    return (
      <>
        <Verdict key="verdict" said="" />
        <Message kind="note">
          <p class="m">Getting the first prediction from the model.</p>
        </Message>
      </>
    );
  const columns = columnsOf(shown, output);
  const first = columns.findIndex((each) => each.values !== null);
  const sorted = columns[by]?.values ? by : Math.max(0, first);
  const { verdict, reason, notices } = shown;
  return (
    <>
      <CompareHead {...{ store, board: shown, output, setOutput }} />
      <Messages store={store} />
      <Verdict key="verdict" said={verdict} />
      <SideBySide {...{ store, board: shown, columns, by: sorted, setBy }} />
      <div class="cp-b">
        <Curves board={shown} columns={columns} output={output} />
        <Agreement board={shown} output={output} />
      </div>
      <Metrics columns={columns} />
      <p class="s q">{[reason, ...notices].join(" ")}</p>
    </>
  );
}

/** Keyed, so that it stays the same element: a screen reader hears only what changes in a region that it knows. */
function Verdict({ said }: { said: string }) {
  return (
    <p class="jx-say" aria-live="polite">
      {said}
    </p>
  );
}
