/** A word being written, in the place where it will stand. */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { OWN_KEYS } from "./keys";

interface DraftProps {
  label: string;
  text: string;
  /** `refocus`: the keyboard goes on from here. */
  onDone: (text: string, refocus: boolean) => void;
  onCancel: () => void;
}

/** Enter and leaving apply, Esc does not. */
export function Draft({ label, text, onDone, onCancel }: DraftProps) {
  const field = useRef<HTMLInputElement>(null);
  const over = useRef(false);
  const [typed, setTyped] = useState(text);
  // before the next key comes: it is meant for this field
  useLayoutEffect(() => {
    field.current?.focus();
    field.current?.select();
  }, []);
  const end = (act: () => void) => {
    if (over.current) return;
    over.current = true;
    act();
  };
  return (
    <input
      {...OWN_KEYS}
      ref={field}
      class="draft"
      dir="auto"
      aria-label={label}
      value={typed}
      size={Math.max(2, typed.length)}
      onInput={(event) => setTyped(event.currentTarget.value)}
      onBlur={() => end(() => onDone(typed, false))}
      onClick={(event) => event.stopPropagation()}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.isComposing) return;
        if (event.key === "Enter") end(() => onDone(typed, true));
        if (event.key === "Escape") end(onCancel);
      }}
    />
  );
}
