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
}

/** What is folded out in one place of a view is so in all; what is folded in is not drawn. */
export function Fold({ store, name, summary, children, ...rest }: FoldProps) {
  const [open, setOpen] = useShared(store, name, false);
  return (
    <details {...rest} open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{summary}</summary>
      {open && children}
    </details>
  );
}
