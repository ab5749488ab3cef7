import type { ComponentChildren } from "preact";
import { OWN_KEYS } from "./keys";

interface RadiosProps {
  label: string;
  /** What each choice is called by the code, and what stands on it. */
  choices: readonly {
    at: number;
    name: string;
    after?: ComponentChildren;
    /** Why it cannot be chosen; arrows pass it by. */
    off?: string;
  }[];
  chosen: number;
  choose: (at: number) => void;
}

const STEP: Record<string, number> = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/** Outputs as a switch: arrows move and select, one tab stop. */
export function Radios({ label, choices, chosen, choose }: RadiosProps) {
  return (
    <div class="jx-radios" role="radiogroup" aria-label={label}>
      {choices.map(({ at, name, after, off }) => (
        <button
          type="button"
          role="radio"
          {...OWN_KEYS}
          key={at}
          aria-checked={at === chosen}
          tabIndex={at === chosen ? 0 : -1}
          aria-disabled={off ? "true" : undefined}
          title={off || name}
          data-output={at}
          onClick={() => choose(at)}
          onKeyDown={(event) => {
            const step = STEP[event.key];
            if (!step) return;
            event.preventDefault();
            const open = choices.filter((choice) => !choice.off);
            const here = open.findIndex((choice) => choice.at === chosen);
            const next = open[(here + step + open.length) % open.length];
            if (!next || next.at === chosen) return;
            choose(next.at);
            const group = event.currentTarget.parentElement;
            group?.querySelector<HTMLElement>(`[data-output="${next.at}"]`)?.focus();
          }}
        >
          <bdi class="n">{name}</bdi> {after}
        </button>
      ))}
    </div>
  );
}
