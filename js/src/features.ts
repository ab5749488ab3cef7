/** The features of an instance as rows, whatever it is made of. */
import type { Changes } from "./edits";
import type { ColumnInfo, Geometry } from "./schema.gen";

type Layout = Geometry["layout"];

export interface FeatureRow {
  name: string;
  value: string;
  unit: string;
  condition: string;
  missing: boolean;
}

const bare = (name: string): FeatureRow => ({ name, value: "", unit: "", condition: "", missing: false });

const column = ({ name, value, unit, condition, missing }: ColumnInfo): FeatureRow => {
  return { name, value, unit, condition, missing };
};

/** The feature of each stretch of a text; without groups each stretch is its own. */
export function featureOfUnit(groups: readonly number[], unit: number): number {
  return groups[unit] ?? unit;
}

const units = new WeakMap<Layout, Map<number, number>>();

/** Of an edited text: words that were inserted count on after those of the original, in either numbering. */
export function featureAfter(layout: Layout & { type: "tokens" }, unit: number): number {
  const beyond = unit - layout.offsets.length;
  return beyond < 0 ? featureOfUnit(layout.groups, unit) : unitsOf(layout).size + beyond;
}

/** How many stretches of a text each feature has; counted once a layout. */
export function unitsOf(layout: Layout & { type: "tokens" }): ReadonlyMap<number, number> {
  const known = units.get(layout);
  if (known) return known;
  const counts = new Map<number, number>();
  layout.offsets.forEach((_, unit) => {
    const feature = featureOfUnit(layout.groups, unit);
    counts.set(feature, (counts.get(feature) ?? 0) + 1);
  });
  units.set(layout, counts);
  return counts;
}

export function featureRows(layout: Layout): FeatureRow[] {
  switch (layout.type) {
    case "columns":
      return layout.columns.map(column);
    case "tokens": {
      const rows: FeatureRow[] = [];
      layout.offsets.forEach(([start, end], unit) => {
        rows[featureOfUnit(layout.groups, unit)] ??= bare(layout.text.slice(start, end));
      });
      return rows;
    }
    case "pixels":
      return Array.from({ length: layout.n_features }, (_, piece) => bare(`piece ${piece + 1}`));
    case "steps":
      return Array.from({ length: layout.steps }, (_, step) =>
        layout.channels.map((channel) => bare(`${channel} at ${step}`)),
      ).flat();
    case "several":
      return layout.parts.flatMap((part, i) =>
        featureRows(part).map((row) => ({ ...row, name: `${layout.part_names[i] ?? i}: ${row.name}` })),
      );
  }
}

/** Names by feature; made once per layout, which a text's words make worth while. */
const known = new WeakMap<object, FeatureRow[]>();

export function rowsOf(geometry: Geometry | null): FeatureRow[] {
  if (!geometry) return [];
  const rows = known.get(geometry.layout) ?? featureRows(geometry.layout);
  known.set(geometry.layout, rows);
  return rows;
}

const named = new WeakMap<Changes, { layout: Layout | undefined; names: readonly string[] }>();

/** Names by feature after edits of a text: words that were replaced or inserted go by what they are now. */
export function namesAfter(geometry: Geometry | null, changes: Changes): readonly string[] {
  const layout = geometry?.layout;
  const made = named.get(changes);
  if (made && made.layout === layout) return made.names;
  const names = rowsOf(geometry).map((row) => row.name);
  if (layout?.type === "tokens") {
    const count = layout.offsets.length;
    const alone = unitsOf(layout).size === count;
    for (const { text } of changes.inserted) names.push(text);
    for (const [unit, text] of changes.replaced) if (alone || unit >= count) names[featureAfter(layout, unit)] = text;
  }
  named.set(changes, { layout, names });
  return names;
}

export function namesOf(geometry: Geometry | null): (feature: number) => string {
  const rows = rowsOf(geometry);
  return (feature) => rows[feature]?.name ?? `feature ${feature + 1}`;
}
