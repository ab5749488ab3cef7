import { axisEnd as end, prediction } from "../format";
import { lineDomain } from "../scales";
import type { OutputUnit } from "../schema.gen";

interface LineProps {
  base: number;
  baseName: string;
  value: number;
  threshold: number | null;
  unit: OutputUnit;
}

/** The number line from the base value to the prediction. */
export function NumberLine({ base, baseName, value, threshold, unit }: LineProps) {
  if (!Number.isFinite(value))
    return (
      <div class="jx-line">
        <i class="axis" />
      </div>
    );
  const from = Number.isFinite(base) ? base : value;
  const [low, high] = lineDomain(unit, [from, value, ...(threshold === null ? [] : [threshold])]);
  const at = (number: number) => Math.max(0, Math.min(100, (100 * (number - low)) / (high - low)));
  const left = (number: number) => ({ left: `${at(number)}%` });
  const name =
    (Number.isFinite(base) ? `from the ${baseName} ${prediction(base, unit)} to ` : "") +
    `the prediction ${prediction(value, unit)}${threshold === null ? "" : `; threshold ${end(threshold)}`}`;
  return (
    <div class="jx-line" role="img" aria-label={name}>
      <i class="axis" />
      <i
        class={`span ${value >= from ? "pos" : "neg"}`}
        style={{ left: `${at(Math.min(from, value))}%`, width: `${Math.abs(at(value) - at(from))}%` }}
      />
      {Number.isFinite(base) && <i class="base" style={left(base)} />}
      <i class="dot" style={{ left: `clamp(5px, ${at(value)}%, calc(100% - 5px))` }} />
      {threshold !== null && <i class="thr" style={left(threshold)} />}
      {threshold !== null && (
        <span class="s q mid" style={{ left: `clamp(56px, ${at(threshold)}%, calc(100% - 56px))` }}>
          threshold {end(threshold)}
        </span>
      )}
      <span class="s q low">{end(low)}</span>
      <span class="s q high">{end(high)}</span>
    </div>
  );
}
