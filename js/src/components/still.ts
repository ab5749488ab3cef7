/** Bars glide to a new estimate. Another output is other numbers, not newer ones: it is there at once. */
import { useRef } from "preact/hooks";

/** The class of a list whose bars do not glide into this picture. `shown` is the output they stand for. */
export function useStill(shown: number): "" | " still" {
  const before = useRef(shown);
  const still = before.current !== shown;
  before.current = shown;
  return still ? " still" : "";
}
