import { SHORT_END } from "../components/bar";
import { fixed, signed } from "../format";

interface LegendProps {
  end: number;
  threshold: number;
  decimals: number;
  name: string | undefined;
}

const STEPS = 40;
const GREY = "#b9b9b9";

/** The heat's colours on the grey of the photo; what is below the threshold is the gap in the middle. */
export function Legend({ end, threshold, decimals, name }: LegendProps) {
  const digits = Math.max(2, decimals - 1);
  const gap = Math.min(100, (100 * threshold) / end);
  return (
    <>
      <div class="hd">
        <span>
          contribution to <bdi>{name ?? "the output"}</bdi>
        </span>
      </div>
      <div class="wide">
        <svg class="im-leg" viewBox="0 0 200 12" preserveAspectRatio="none" aria-hidden="true">
          <rect width="200" height="12" fill={GREY} />
          {Array.from({ length: STEPS }, (_, i) => {
            const share = (i - (STEPS - 1) / 2) / (STEPS / 2);
            return (
              <rect
                x={i * 5}
                width="5"
                height="12"
                shape-rendering="crispEdges"
                fill={share < 0 ? "#1d64ad" : "#b54708"}
                fill-opacity={(0.85 * Math.abs(share) ** 0.8).toFixed(2)}
              />
            );
          })}
          {Array.from({ length: STEPS / 2 }, (_, i) => (
            <path d={`M${i * 5} 12l5 -12`} stroke="#e6e6e6" vector-effect="non-scaling-stroke" />
          ))}
          <rect x={100 - gap} width={2 * gap} height="12" fill={GREY} />
          <line x1="100" x2="100" y1="0" y2="12" stroke="#1f2328" vector-effect="non-scaling-stroke" />
        </svg>
        <div class={`im-legx${signed(end, digits).length > SHORT_END ? " long" : ""}`}>
          <span class="from">{fixed(-end, digits)}</span>
          <span class="way" style={{ left: "26%" }}>
            lowers<span class="how">, hatched</span>
          </span>
          <span style={{ left: "50%" }}>0</span>
          <span class="way" style={{ left: "74%" }}>
            raises<span class="how">, solid</span>
          </span>
          <span class="to">{signed(end, digits)}</span>
        </div>
      </div>
    </>
  );
}
