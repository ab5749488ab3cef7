import type { Store } from "../store";

/**
 * State of a control that all places of one view share and nobody saves: a tool in the hand, what is looked for, what
 * is folded out. Only hover, focus and scroll are a place's own.
 */
export function useShared<T>(store: Store, name: string, initial: T): [T, (value: T) => void] {
  const kept = store.shared(name, initial);
  return [
    kept.value,
    (value) => {
      kept.value = value;
    },
  ];
}
