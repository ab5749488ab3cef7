/** Rows glide to their new place once, so that the eye can follow a sort. */
import type { RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

const DURATION_MS = 160;

/** `order` names what stands where; rows carry `data-row`. A reader who wants less motion gets none. */
export function useMovingRows(container: RefObject<HTMLElement | null>, order: readonly number[]): void {
  const places = useRef(new Map<string, number>());
  const before = useRef("");
  const key = order.join();
  useLayoutEffect(() => {
    const rows = container.current?.querySelectorAll<HTMLElement>("[data-row]") ?? [];
    const changed = before.current !== "" && before.current !== key;
    before.current = key;
    const calm = globalThis.matchMedia?.("(prefers-reduced-motion: reduce)").matches ?? true;
    const now = new Map<string, number>();
    for (const row of rows) {
      const id = row.dataset["row"] ?? "";
      now.set(id, row.offsetTop);
      const was = places.current.get(id);
      if (!changed || calm || was === undefined || was === row.offsetTop || !row.animate) continue;
      row.animate([{ transform: `translateY(${was - row.offsetTop}px)` }, { transform: "none" }], {
        duration: DURATION_MS,
        easing: "cubic-bezier(0.2, 0, 0, 1)",
      });
    }
    places.current = now;
  });
}
