import { charactersOf } from "../format";

/** Long names lose their middle and keep both ends; the whole name is the tip and the accessible name. */
const ENDING = 8;
/** Letters that join are not cut where they might fit. */
const LONG = { latin: 12, other: 22 };

export function MiddleName({ name }: { name: string }) {
  const long = /^[ -\u02af]*$/.test(name) ? LONG.latin : LONG.other;
  const characters = name.length > long ? charactersOf(name) : [];
  if (characters.length <= long) return <bdi>{name}</bdi>;
  return (
    <bdi class="mid">
      <span class="a">{characters.slice(0, -ENDING).join("")}</span>
      <span class="z">{characters.slice(-ENDING).join("")}</span>
    </bdi>
  );
}
