import type { Rich } from "../words";

/** Plain and bold pieces as text nodes. */
export function RichText({ rich }: { rich: Rich }) {
  return <>{rich.map((part) => (typeof part === "string" ? part : <b>{part.bold}</b>))}</>;
}
