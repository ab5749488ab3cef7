import { useState } from "preact/hooks";
import { OWN_KEYS } from "../components/keys";
import type { Output } from "../outputs";

interface OtherOutputsProps {
  label: string;
  rest: () => Output[];
  onlyExplained: boolean;
  /** How many of the remaining outputs are explained already. */
  explained: number;
  text: (output: Output) => string;
  choose: (index: number) => void;
}

/** A select of the remaining outputs. Its list is made when somebody is about to open it: there may be thousands. */
export function OtherOutputs({ label, rest, onlyExplained, explained, text, choose }: OtherOutputsProps) {
  const [listed, setListed] = useState(false);
  if (onlyExplained && explained === 0) return <span class="q m">{label}</span>;
  const open = () => setListed(true);
  const options = listed ? rest().filter((output) => output.explained || !onlyExplained) : [];
  return (
    <select
      {...OWN_KEYS}
      class="q jx-others"
      aria-label="another output"
      onFocus={open}
      onPointerDown={open}
      onChange={(event) => {
        const { value } = event.currentTarget;
        event.currentTarget.value = "";
        if (value !== "") choose(Number(value));
      }}
    >
      <option value="">{label}</option>
      {options.map((output) => (
        <option key={output.index} value={output.index}>
          {text(output)}
        </option>
      ))}
    </select>
  );
}
