import { charactersOf } from "../format";

/** Long names lose their middle and keep both ends; the whole name is the tip and the accessible name. */
const ENDING = 8;
const LONG = 22;

export function MiddleName({ name }: { name: string }) {
  const characters = name.length > LONG ? charactersOf(name) : [];
  if (characters.length <= LONG) return <bdi>{name}</bdi>;
  return (
    <bdi class="mid">
      <span class="a">{characters.slice(0, -ENDING).join("")}</span>
      <span class="z">{characters.slice(-ENDING).join("")}</span>
    </bdi>
  );
}
