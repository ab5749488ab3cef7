import { useState } from "preact/hooks";
import { domainOf, parseValue, valueText } from "../columns";
import { same } from "../decode";
import type { Value } from "../edits";
import type { ColumnInfo } from "../schema.gen";
import { OWN_KEYS } from "./keys";

interface ValueProps {
  column: ColumnInfo;
  value: Value;
  onChange: (value: Value) => void;
}

/** A value that can be changed: typed, chosen or switched. */
export function ValueField({ column, value, onChange }: ValueProps) {
  const domain = domainOf(column, value);
  if (column.kind === "boolean" && domain?.choices)
    return (
      <button
        type="button"
        class="sw"
        role="switch"
        aria-checked={value === true || value === 1}
        aria-label={column.name}
        onClick={() => onChange(domain.valueAt((domain.stepOf(value) + 1) % (domain.last + 1)))}
      >
        <i aria-hidden="true" />
        <bdi>{valueText(value, column)}</bdi>
      </button>
    );
  if (domain?.choices) {
    const at = domain.stepOf(value);
    return (
      <select
        aria-label={column.name}
        value={String(at)}
        onChange={(event) => onChange(domain.valueAt(Number(event.currentTarget.value)))}
      >
        {at < 0 && <option value="-1">{valueText(value, column)}</option>}
        {domain.choices.map((name, step) => (
          <option key={name} value={String(step)}>
            {name}
          </option>
        ))}
      </select>
    );
  }
  return <Typed column={column} value={value} onChange={onChange} />;
}

/** Enter applies, Esc restores; what is no value stays to be mended until the field is left. */
function Typed({ column, value, onChange }: ValueProps) {
  const [draft, setDraft] = useState<string | null>(null);
  const [told, setTold] = useState(false);
  const text = valueText(value, column);
  const wrong = draft !== null && parseValue(draft, column) === undefined;
  const write = (next: string | null) => {
    setDraft(next);
    setTold(false);
  };
  const apply = () => {
    const typed = draft === null ? undefined : parseValue(draft, column);
    write(null);
    if (typed !== undefined && !same(typed, value)) onChange(typed);
  };
  return (
    <>
      <input
        {...OWN_KEYS}
        class={value === null ? "q" : ""}
        value={draft ?? text}
        inputMode={column.kind === "number" ? "decimal" : "text"}
        aria-label={column.name}
        aria-invalid={wrong}
        size={Math.max(2, Math.min(14, (draft ?? text).length))}
        onInput={(event) => write(event.currentTarget.value)}
        onBlur={apply}
        onKeyDown={(event) => {
          if (event.key === "Enter") wrong ? setTold(true) : apply();
          if (event.key !== "Escape" || draft === null) return;
          event.stopPropagation();
          write(null);
        }}
      />
      {told && (
        <span class="err" role="alert">
          not a number
        </span>
      )}
    </>
  );
}
