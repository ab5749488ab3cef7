import type { ComponentChildren } from "preact";

interface PushProps {
  able: boolean;
  act: () => void;
  label?: string;
  children: ComponentChildren;
}

/** A button that may have nothing to do. It keeps the focus then: who pressed it is not thrown out of the view. */
export function Push({ able, act, label, children }: PushProps) {
  return (
    <button
      type="button"
      class="btn"
      aria-label={label}
      aria-disabled={able ? undefined : "true"}
      tabIndex={able ? undefined : -1}
      onClick={() => able && act()}
    >
      {children}
    </button>
  );
}
