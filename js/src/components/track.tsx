import { Groove } from "./groove";

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

/** A slider over a curve that shows how much each position leaves. */
export function Track({ label, value, curve, valueText, onInput }: TrackProps) {
  const after = curve.findIndex(([x]) => x >= value);
  const [right, left] = [curve[after] ?? curve.at(-1), curve[Math.max(0, after - 1)] ?? curve.at(-1)];
  const [x0, y0] = left ?? [0, 0];
  const [x1, y1] = right ?? [1, 0];
  const height = x1 > x0 ? y0 + ((y1 - y0) * (value - x0)) / (x1 - x0) : y1;
  return (
    <Groove
      label={label}
      valueText={valueText}
      step={Math.round(STEPS * value)}
      last={STEPS}
      line={curve}
      dot={[value, height]}
      onInput={(step) => onInput(step / STEPS)}
    />
  );
}
