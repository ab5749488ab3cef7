/** Rows glide to their new place once, so that the eye can follow a sort. */
import type { RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

const DURATION_MS = 160;

const rowsIn = (container: RefObject<HTMLElement | null>) =>
  container.current?.querySelectorAll<HTMLElement>("[data-row]") ?? [];

/** `order` names what stands where; rows carry `data-row`. A reader who wants less motion gets none. */
export function useMovingRows(container: RefObject<HTMLElement | null>, order: readonly number[]): void {
  const key = order.join();
  const before = useRef(key);
  const places = useRef<Map<string | undefined, number> | null>(null);
  // asking for places lays the page out at once: only where rows are about to move, never while a hand drags
  if (before.current !== key) {
    const first = before.current === "";
    before.current = key;
    const calm = globalThis.matchMedia?.("(prefers-reduced-motion: reduce)").matches ?? true;
    if (!first && !calm)
      places.current = new Map(Array.from(rowsIn(container), (row) => [row.dataset["row"], row.offsetTop]));
  }
  useLayoutEffect(() => {
    const moved = places.current;
    places.current = null;
    if (!moved) return;
    for (const row of rowsIn(container)) {
      const was = moved.get(row.dataset["row"]);
      if (was === undefined || was === row.offsetTop || !row.animate) continue;
      row.animate([{ transform: `translateY(${was - row.offsetTop}px)` }, { transform: "none" }], {
        duration: DURATION_MS,
        easing: "cubic-bezier(0.2, 0, 0, 1)",
      });
    }
  });
}
