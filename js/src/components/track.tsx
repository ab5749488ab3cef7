import { OWN_KEYS } from "./keys";

interface TrackProps {
  label: string;
  /** 0 to 1. */
  value: number;
  /** The groove: points in 0..1, both ways. */
  curve: readonly (readonly [number, number])[];
  valueText: string;
  onInput: (value: number) => void;
}

const STEPS = 100;

/** A range input whose groove is a curve; the dot sits on the curve. */
export function Track({ label, value, curve, valueText, onInput }: TrackProps) {
  const path = curve.map(([x, y]) => `${(100 * x).toFixed(2)},${(24 - 24 * y).toFixed(2)}`).join("L");
  const after = curve.findIndex(([x]) => x >= value);
  const [right, left] = [curve[after] ?? curve.at(-1), curve[Math.max(0, after - 1)] ?? curve.at(-1)];
  const [x0, y0] = left ?? [0, 0];
  const [x1, y1] = right ?? [1, 0];
  const height = x1 > x0 ? y0 + ((y1 - y0) * (value - x0)) / (x1 - x0) : y1;
  return (
    <div class="jx-trk">
      <svg viewBox="0 0 100 24" preserveAspectRatio="none" aria-hidden="true">
        <path class="c" d={`M${path}`} />
      </svg>
      <i class="now" style={{ left: `${100 * value}%` }} />
      <i class="dot" style={{ left: `${100 * value}%`, top: `${100 - 100 * height}%` }} />
      <input
        {...OWN_KEYS}
        type="range"
        min="0"
        max={STEPS}
        step="1"
        value={Math.round(STEPS * value)}
        aria-label={label}
        aria-valuetext={valueText}
        onInput={(event) => onInput(Number(event.currentTarget.value) / STEPS)}
      />
    </div>
  );
}
