/** What the model says of what is on the screen, and what it said of the original. */
import { computed, type ReadonlySignal } from "@preact/signals";
import type { Known } from "./board";
import type { WhatIf } from "./whatif";

export function answersOf(known: ReadonlySignal<Known | null>, whatif: WhatIf) {
  const predictions = computed(() => {
    const told = known.value?.predictions ?? null;
    const newer = whatif.foreseen.value?.predictions;
    if (!newer) return told;
    // a curve knows the explained outputs only
    return newer.map((score, i) => (Number.isNaN(score) ? (told?.[i] ?? Number.NaN) : score));
  });
  const originally = computed(() => {
    if (whatif.edits.value.length === 0) return null;
    // the number that is shown is of before the change: the model has not answered yet, or has refused
    if (whatif.refused.value !== "" || !(known.value?.edited || whatif.foreseen.value)) return null;
    return known.value?.original ?? (known.value?.edited ? null : (known.value?.predictions ?? null));
  });
  return { predictions, originally };
}
