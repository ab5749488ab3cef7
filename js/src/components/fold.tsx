import type { ComponentChildren } from "preact";
import type { Store } from "../store";
import { useShared } from "./shared";

interface FoldProps {
  store: Store;
  /** One of the view's folds. */
  name: string;
  summary: ComponentChildren;
  children: ComponentChildren;
  class?: string;
  /** Drawn while it is folded in as well. */
  kept?: boolean;
}

/** What is folded out in one place of a view is so in all. */
export function Fold({ store, name, summary, children, kept, ...rest }: FoldProps) {
  const [open, setOpen] = useShared(store, name, false);
  return (
    <details {...rest} open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{summary}</summary>
      {(open || kept) && children}
    </details>
  );
}
