import { OWN_KEYS } from "./keys";

/** Points and stretches run from 0 to 1 both ways. */
export type Point = readonly [x: number, y: number];
export type Stretch = readonly [from: number, to: number];

interface GrooveProps {
  label: string;
  valueText: string;
  /** Steps of the slider: 0 to `last`. */
  step: number;
  last: number;
  line: readonly Point[];
  /** Where the decision is another one. */
  zones?: readonly Stretch[];
  /** A dashed line beside the first, and the outline of the band around it. */
  beside?: readonly Point[];
  /** A dotted one: another curve over the same places. */
  back?: readonly Point[];
  band?: readonly Point[];
  threshold?: number | null;
  /** Place and height of the dot. */
  dot: Point;
  /** Place and height of the ring that marks the original. */
  ring?: Point | null;
  tip?: string;
  /** The number was read off the curve and the model has not answered yet. */
  unconfirmed?: boolean;
  /** The line was told before something else was changed. */
  behind?: boolean;
  /** The groove is a plain line: nothing is known along it. */
  plain?: boolean;
  disabled?: boolean;
  onInput: (step: number) => void;
  onRelease?: () => void;
  /** F: to the nearest flip; Backspace: to the original. */
  onKey?: (key: "flip" | "original") => boolean;
}

const X = (x: number) => (100 * x).toFixed(2);
const Y = (y: number) => (24 - 24 * y).toFixed(2);
const path = (points: readonly Point[]) => points.map(([x, y]) => `${X(x)},${Y(y)}`).join("L");
const FAR = 10;

/** A range input whose groove is a curve: the dot sits on it at the present value, a ring at the original one. */
export function Groove(props: GrooveProps) {
  const { label, valueText, step, last, line, zones, back, beside, band, threshold, dot, ring, tip } = props;
  const { disabled = false } = props;
  const [at, height] = dot;

  const onKeyDown = (event: KeyboardEvent & { currentTarget: HTMLInputElement }) => {
    const far = { PageUp: FAR, PageDown: -FAR }[event.key] ?? arrow(event);
    const own = { f: "flip", F: "flip", Backspace: "original" }[event.key];
    if (own && !event.ctrlKey && !event.metaKey && !event.altKey) {
      if (props.onKey?.(own as "flip" | "original")) event.preventDefault();
    } else if (far) {
      event.preventDefault();
      props.onInput(Math.max(0, Math.min(last, step + far)));
    }
  };

  return (
    <div
      class={`jx-trk${props.unconfirmed ? " guess" : ""}${props.plain ? " plain" : ""}${props.behind ? " behind" : ""}`}
    >
      <svg viewBox="0 0 100 24" preserveAspectRatio="none" aria-hidden="true">
        {zones?.map(([from, to]) => (
          <rect key={from} class="z" x={X(from)} width={X(to - from)} y="0" height="24" />
        ))}
        {band && band.length > 2 && <path class="w" d={`M${path(band)}z`} />}
        {threshold != null && <line class="t" x1="0" x2="100" y1={Y(threshold)} y2={Y(threshold)} />}
        {beside && beside.length > 1 && <path class="o" d={`M${path(beside)}`} />}
        {back && back.length > 1 && <path class="i" d={`M${path(back)}`} />}
        {line.length > 1 && <path class="c" d={`M${path(line)}`} />}
      </svg>
      {ring && <i class="org" style={{ left: `${X(ring[0])}%`, top: `${X(1 - ring[1])}%` }} />}
      {Number.isFinite(at) && (
        <>
          <i class="now" style={{ left: `${X(at)}%` }} />
          <i class="dot" style={{ left: `${X(at)}%`, top: `${X(1 - height)}%` }} />
        </>
      )}
      <input
        {...OWN_KEYS}
        type="range"
        min="0"
        max={last}
        step="1"
        value={Math.max(0, step)}
        disabled={disabled}
        aria-label={label}
        aria-valuetext={valueText}
        onInput={(event) => props.onInput(Number(event.currentTarget.value))}
        onChange={() => props.onRelease?.()}
        onKeyDown={onKeyDown}
        onKeyUp={() => props.onRelease?.()}
        onBlur={() => props.onRelease?.()}
      />
      {tip && (
        <span class="tip" style={{ left: `clamp(36px, ${X(at)}%, 100% - 36px)` }} aria-hidden="true">
          {tip}
        </span>
      )}
    </div>
  );
}

/** Ten steps with Shift; single ones are the input's own. */
function arrow(event: KeyboardEvent): number {
  if (!event.shiftKey) return 0;
  return { ArrowUp: FAR, ArrowRight: FAR, ArrowDown: -FAR, ArrowLeft: -FAR }[event.key] ?? 0;
}
