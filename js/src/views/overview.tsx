import { OWN_KEYS } from "../components/keys";
import { counted } from "../format";

interface OverviewProps {
  values: Float32Array | null;
  /** Features as they are listed. */
  order: number[];
  end: number;
  /** How many of them are listed below. */
  shown: number;
  query: string;
  setQuery: (query: string) => void;
}

/** From this many features on the rows alone no longer show the whole. */
export const OVERVIEW_FROM = 40;

const MOST_BARS = 400;
const HALF = 22;

/** The largest of each stretch where there are more features than pixels. */
export function strip(values: ArrayLike<number>, order: number[]): number[] {
  const step = Math.max(1, Math.ceil(order.length / MOST_BARS));
  const bars: number[] = [];
  order.forEach((feature, place) => {
    const at = Math.floor(place / step);
    const value = values[feature] ?? 0;
    if (Math.abs(value) >= Math.abs(bars[at] ?? 0)) bars[at] = value;
  });
  return bars;
}

/** All contributions as a strip, a frame around those below, and a field to find one by name. */
export function Overview({ values, order, end, shown, query, setQuery }: OverviewProps) {
  const bars = values ? strip(values, order) : [];
  const path = (sign: number) =>
    bars
      .map((value, at) => {
        const height = Math.min(1, Math.abs(value) / end) * HALF;
        return value * sign > 0 ? `M${at},${HALF}h0.7v${(-sign * height).toFixed(2)}h-0.7z` : "";
      })
      .join("");
  return (
    <div class="jx-over">
      <svg
        viewBox={`0 0 ${Math.max(1, bars.length)} ${2 * HALF}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${counted(order.length, "contributions")} in the order of the rows`}
      >
        <path class="pos" d={path(1)} />
        <path class="neg" d={path(-1)} />
        <line x1="0" x2="100%" y1={HALF} y2={HALF} />
        {query === "" && shown < order.length && (
          <rect x="0" y="0.5" width={Math.max(1, (bars.length * shown) / order.length)} height={2 * HALF - 1} />
        )}
      </svg>
      <input
        {...OWN_KEYS}
        type="search"
        class="find"
        placeholder="Find a feature"
        aria-label="find a feature"
        value={query}
        onInput={(event) => setQuery(event.currentTarget.value)}
      />
    </div>
  );
}
