import { fixed, signClass, signed } from "../format";
import { beyond, couldBeZero, percent, Z95 } from "../scales";

interface BarProps {
  value: number;
  error?: number | undefined;
  end: number;
}

/** A signed bar from the middle of the track, with its 95 % interval; hollow if that contains zero. */
export function Bar({ value, error, end }: BarProps) {
  const known = Number.isFinite(value);
  const left = percent(Math.min(0, known ? value : 0), end);
  const width = Math.abs(percent(known ? value : 0, end) - 50);
  const half = error !== undefined && Number.isFinite(error) ? Z95 * error : 0;
  const from = percent(value - half, end);
  const to = percent(value + half, end);
  return (
    <div class={`jx-bar${couldBeZero(value, error) ? " hollow" : ""}`} aria-hidden="true">
      <i class="z" />
      {known && (
        <i
          class={`b ${value < 0 ? "neg" : "pos"}${beyond(value, end) ? " far" : ""}`}
          style={{ left: `${left}%`, width: `${width}%` }}
        />
      )}
      {known && half > 0 && <i class="e" style={{ left: `${from}%`, width: `${Math.max(0.4, to - from)}%` }} />}
    </div>
  );
}

/** Up to this many characters at its ends an axis has room for the direction words soon. */
export const SHORT_END = 5;

/** Ends, zero and direction words above a column of bars. */
export function Axis({ end, decimals, words = true }: { end: number; decimals: number; words?: boolean }) {
  let digits = Math.max(decimals - 1, 0);
  // the end is a round number: of many decimals the last are noughts that cost the narrow axis its room
  while (digits > 3 && fixed(end, digits).endsWith("0")) digits--;
  return (
    <div class={`jx-ax${signed(end, digits).length > SHORT_END ? " long" : ""}`}>
      <span class="from">{fixed(-end, digits)}</span>
      {words && (
        <span class="way" style={{ left: "26%" }}>
          lowers
        </span>
      )}
      <span style={{ left: "50%" }}>0</span>
      {words && (
        <span class="way" style={{ left: "74%" }}>
          raises
        </span>
      )}
      <span class="to">{signed(end, digits)}</span>
    </div>
  );
}

/** The signed value and half of its interval. */
export function Weight({ value, error, decimals }: { value: number; error?: number | undefined; decimals: number }) {
  const sign = couldBeZero(value, error) ? "" : signClass(value, decimals);
  return (
    <>
      <b class={sign}>{signed(value, decimals)}</b>{" "}
      {error !== undefined && (
        <span class="s q">±{Number.isFinite(error) ? fixed(Z95 * error, decimals) : "\u2026"}</span>
      )}
    </>
  );
}
