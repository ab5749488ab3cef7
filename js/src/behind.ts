/** The curves beside what is on the screen: those of the shown outputs, and whether a hand is ahead of them. */
import { computed, type ReadonlySignal } from "@preact/signals";
import { curvesOf, type Paths, readCurves } from "./curves";
import { type Changes, differing } from "./edits";
import type { Curves, Geometry } from "./schema.gen";

export interface Followed {
  /** The model's answers along paths. */
  readonly paths: ReadonlySignal<Paths>;
  /** Whether the curve along a column or adjustment was asked for before something else was changed. */
  readonly behind: ReadonlySignal<(thing: string) => boolean>;
}

export function followCurves(
  curves: ReadonlySignal<Curves | null>,
  known: ReadonlySignal<{ targets: readonly number[] } | null>,
  geometry: ReadonlySignal<Geometry | null>,
  changes: ReadonlySignal<Changes>,
): Followed {
  const read = computed(() => readCurves(curves.value));
  const paths = computed(() => {
    const [targets, unit] = [known.value?.targets, geometry.value?.output_unit];
    return targets && unit ? curvesOf(curves.value, read.value, targets, unit) : read.value;
  });
  const behind = computed(() => {
    const ahead = differing(changes.value, paths.value.changes);
    return (thing: string) => ahead.size > Number(ahead.has(thing));
  });
  return { paths, behind };
}
