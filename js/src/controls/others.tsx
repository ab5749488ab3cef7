import { useState } from "preact/hooks";
import type { Output } from "../outputs";

interface OtherOutputsProps {
  label: string;
  rest: () => Output[];
  onlyExplained: boolean;
  text: (output: Output) => string;
  choose: (index: number) => void;
}

/** A select of the remaining outputs. Its list is made when somebody is about to open it: there may be thousands. */
export function OtherOutputs({ label, rest, onlyExplained, text, choose }: OtherOutputsProps) {
  const [listed, setListed] = useState(false);
  const open = () => setListed(true);
  const options = listed ? rest().filter((output) => output.explained || !onlyExplained) : [];
  return (
    <select
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
