/** The reader's changes as Python that runs. */
import type { Edit } from "./schema.gen";

export function literal(value: unknown): string {
  if (value === null || value === undefined) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value === "string") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
  if (typeof value === "object") {
    const parts = Object.entries(value).map(([key, inner]) => `${literal(key)}: ${literal(inner)}`);
    return `{${parts.join(", ")}}`;
  }
  return String(value);
}

/** Of the log what it comes to for columns, else the log itself. */
export function asPython(edits: readonly Edit[]): string {
  const values = new Map<string, unknown>();
  for (const { op, feature, value } of edits) if (op === "set" && feature !== undefined) values.set(feature, value);
  if (values.size > 0 && edits.every(({ op }) => op === "set"))
    return `changes = ${literal(Object.fromEntries(values))}\nview.what_if(changes)\n`;
  if (edits.length === 0) return "view.what_if.reset()\n";
  const lines = edits.map((edit) => `    ${literal(edit)},\n`).join("");
  return `edits = [\n${lines}]\nview.what_if(edits)\n`;
}
