import { useLayoutEffect, useRef } from "preact/hooks";

/**
 * A paragraph that does not get lower while something is changed by hand: what lies under the hand stays where it is
 * when a sentence above it has less to say for a moment.
 */
export function useSteady(held: boolean) {
  const element = useRef<HTMLParagraphElement>(null);
  useLayoutEffect(() => {
    const { current } = element;
    if (!current) return;
    const least = Math.max(Number.parseFloat(current.style.minHeight) || 0, current.offsetHeight);
    current.style.minHeight = held ? `${least}px` : "";
  });
  return element;
}
