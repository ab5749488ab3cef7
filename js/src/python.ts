/** The reader's changes as Python that runs. */
import type { Edit, Request } from "./schema.gen";

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

/** A call that explains by this method with these hyper-parameters; names that are no keywords go in a dict. */
function update({ method, params = {} }: Request): string {
  const given = Object.entries(params);
  const keywords = given.every(([name]) => /^[A-Za-z_]\w*$/.test(name));
  const settings = keywords
    ? given.map(([name, value]) => `${name}=${literal(value)}`)
    : [`**${literal(Object.fromEntries(given))}`];
  return `view.update(${[...(method ? [literal(method)] : []), ...settings].join(", ")})\n`;
}

/** The changes of what is explained, then of how: of the log what it comes to for columns, else the log itself. */
export function asPython(edits: readonly Edit[], tuned: Request | null = null): string {
  const values = new Map<string, unknown>();
  const before = tuned ? update(tuned) : "";
  for (const { op, feature, value } of edits) if (op === "set" && feature !== undefined) values.set(feature, value);
  if (values.size > 0 && edits.every(({ op }) => op === "set"))
    return `${before}changes = ${literal(Object.fromEntries(values))}\nview.what_if(changes)\n`;
  if (edits.length === 0) return before || "view.what_if.reset()\n";
  const lines = edits.map((edit) => `    ${literal(edit)},\n`).join("");
  return `${before}edits = [\n${lines}]\nview.what_if(edits)\n`;
}
