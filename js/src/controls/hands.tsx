import { useState } from "preact/hooks";
import { Push } from "../components/push";
import { asPython } from "../python";
import type { Store } from "../store";

const EDITABLE = new Set(["columns", "tokens", "pixels"]);
const SAID_MS = 1500;

/** Undo, redo, reset, and the changes as Python. */
export function Hands({ store }: { store: Store }) {
  const { whatif } = store;
  const geometry = store.geometry.value;
  const [said, setSaid] = useState("");
  if (!geometry || !EDITABLE.has(geometry.layout.type) || !store.reachable.value) return null;
  const changed = whatif.canUndo.value;
  // a failed run says itself why
  const told = store.dropped.value || (store.status.value?.state !== "failed" && whatif.refused.value);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(
        asPython(whatif.edits.peek(), store.tuned.peek() ? store.request.peek() : null),
      );
      setSaid("Copied");
    } catch {
      setSaid("Copying is not allowed here");
    }
    setTimeout(() => setSaid(""), SAID_MS);
  };
  const button = (label: string, enabled: boolean, act: () => void) => (
    <Push able={enabled} act={act}>
      {label}
    </Push>
  );
  return (
    <span class="jx-hands" role="group" aria-label="Changes">
      {button("Undo", changed, whatif.undo)}
      {button("Redo", whatif.canRedo.value, whatif.redo)}
      {button("Reset", changed, whatif.reset)}
      {button(said || "Copy as Python", changed || store.tuned.value, copy)}
      {told && (
        <span class="s err" role="alert">
          {told}
        </span>
      )}
    </span>
  );
}
