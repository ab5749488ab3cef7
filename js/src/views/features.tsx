/** Features by importance with their intervals, and a strip of dots for the rows behind each. */
import { useRef, useState } from "preact/hooks";
import { MiddleName } from "../components/names";
import { useShared } from "../components/shared";
import { useStill } from "../components/still";
import { counted, decimalsFor, fixed, shortened, signClass, signed, whole } from "../format";
import { ALL, byClass, type Driver, dotsOf, driversOf, endOf, listed, type Numbers, type Sorting } from "../overview";
import { wantedEnd, Z95 } from "../scales";
import type { Dots, Overview } from "../schema.gen";
import type { Store } from "../store";

const FIRST = 10;
const MORE = 40;
const SEARCHED = 40;
const DRIVERS = 8;

interface FeaturesProps {
  store: Store;
  over: Overview;
  output: number;
  numbers: Numbers;
  row: number;
  open: (row: number) => void;
}

export function Features({ store, over, output, numbers, row, open }: FeaturesProps) {
  const [most, setMost] = useShared(store, "most", FIRST);
  const [wanted, setWanted] = useShared(store, "wanted", "");
  const [chosen, setChosen] = useShared<string | null>(store, "chosen", null);
  const { sort: asked = "weight" } = store.display.value;
  const by: Sorting = asked === "original" ? "weight" : asked;
  const still = useStill(output);
  const list = useRef<HTMLDivElement>(null);
  const kept = useRef<string[]>([]);
  const { values, errors, support } = numbers;
  let order = listed(over, numbers, by, wanted.toLowerCase());
  // what somebody points at keeps its place while estimates come
  const page = list.current?.getRootNode() as Document | ShadowRoot | undefined; // marimo's is a shadow root
  const held = list.current?.matches(":hover") || list.current?.contains(page?.activeElement ?? null);
  if (store.status.value?.state === "running" && held) {
    const place = new Map(kept.current.map((name, at) => [name, at]));
    const at = (feature: number) => place.get(over.names[feature] as string) ?? Number.MAX_SAFE_INTEGER;
    order = order.sort((a, b) => at(a) - at(b));
  }
  kept.current = order.map((feature) => over.names[feature] as string);
  const shown = order.length <= most + 1 ? order : order.slice(0, most);
  const end = wantedEnd(values, errors);
  const decimals = decimalsFor(over.output_unit, end);
  const rare = support?.some((count) => count < over.rows) ?? false;
  const scale = over.dots && endOf(over.dots, output);
  const strips = scale !== undefined;
  const left = order.length - shown.length;
  const sort = (name: Sorting, label: string) => (
    <button type="button" class={by === name ? "on" : ""} onClick={() => store.show({ sort: name })}>
      {label}
    </button>
  );
  const sorted = (name: Sorting) => (by !== name ? "none" : name === "name" ? "ascending" : "descending");
  return (
    <>
      {over.names.length > SEARCHED && (
        <input
          class="gl-f"
          type="search"
          aria-label="Find a feature"
          placeholder={`find among ${counted(over.names.length, "features")}`}
          value={wanted}
          onInput={(event) => setWanted(event.currentTarget.value)}
        />
      )}
      <div
        class={`gl${strips ? "" : " bare"}${still}`}
        role="table"
        aria-label="Features by importance"
        aria-rowcount={over.names.length + over.more}
        ref={list}
      >
        <div class="gl-r gl-h" role="row">
          <div role="columnheader" aria-sort={sorted("name")}>
            {sort("name", over.things.replace(/s$/, ""))}
          </div>
          {rare ? (
            <div class="n" role="columnheader" aria-sort={sorted("support")}>
              {sort("support", "rows")}
            </div>
          ) : (
            <i />
          )}
          <div role="columnheader" aria-sort={sorted("weight")}>
            {sort("weight", over.value_unit || "importance")}
          </div>
          <div class="num" role="columnheader">
            {fixed(end, decimals)}
          </div>
          {strips && (
            <div class="d" role="columnheader">
              <span>{signed(-scale, 2)}</span>
              <span>one dot a row; height: value</span>
              <span>{signed(scale, 2)}</span>
            </div>
          )}
        </div>
        {shown.map((feature) => {
          const name = over.names[feature] as string;
          // by name, as places change while rows come; of two columns of one name the second by its place as well
          const key = over.names.indexOf(name) === feature ? name : `${name} ${feature}`;
          const is = chosen === key;
          const choose = () => setChosen(is ? null : key);
          const [value, error] = [values[feature] as number, errors?.[feature]];
          const half = error === undefined ? null : Z95 * error;
          return (
            <div key={key} role="rowgroup">
              <div class={`gl-r${is ? " hot" : ""}`} role="row">
                <div class="nm" role="rowheader">
                  <button type="button" aria-expanded={is} title={name} onClick={choose}>
                    <MiddleName name={name} />
                  </button>
                </div>
                {rare ? (
                  <div class="n q s" role="cell">
                    {whole(support?.[feature] ?? 0)}
                  </div>
                ) : (
                  <i />
                )}
                <div role="cell">
                  <button type="button" tabIndex={-1} aria-hidden="true" onClick={choose}>
                    <Length value={value} half={half} end={end} numbers={numbers} feature={feature} />
                  </button>
                </div>
                <div class="num" role="cell">
                  {fixed(value, decimals)}
                  {half !== null && (
                    <span class="s q"> ±{Number.isFinite(half) ? fixed(half, decimals) : "\u2026"}</span>
                  )}
                </div>
                {strips && (
                  <div class="d" role="cell">
                    <Strip dots={dotsOf(over, output, feature)} end={scale} row={row} open={open} />
                  </div>
                )}
              </div>
              {is && <Drivers found={driversOf(over, output, feature, DRIVERS)} {...{ over, row, open, decimals }} />}
            </div>
          );
        })}
      </div>
      <p class="s q">
        {left > 0 && (
          <button type="button" class="lnk" onClick={() => setMost(most + MORE)}>
            {left <= MORE ? `all ${whole(order.length)}` : `${MORE} more`}
          </button>
        )}
        {shown.length === 0 && "No feature of that name. "}
        {left > 0 && ` ${counted(left, "features")} weigh less. `}
        {over.more > 0 && ` ${counted(over.more, "features")} with less weight are not on this page. `}
        {numbers.signed && "Coloured: what is left where rows raise and others lower. "}
        {over.dots && dotsSaid(over, over.dots, output)}
      </p>
    </>
  );
}

/** What stands where, and which dots are filled. */
function dotsSaid({ output_names }: Overview, dots: Dots, output: number): string {
  const whose = dots.predicted ? "class predicted for its row" : "output where it is largest";
  const all = output === ALL ? ` Each is for the ${whose}.` : "";
  const filled = byClass(dots, output)
    ? `predicted ${shortened(output_names[output] as string)}`
    : "upper half of a feature's values";
  return `Dots of all features have one scale.${all} Filled: ${filled}.`;
}

interface LengthProps {
  value: number;
  half: number | null;
  end: number;
  numbers: Numbers;
  feature: number;
}

/** A bar from zero with its interval; in it what is left when directions cancel; hollow if it could be chance. */
function Length({ value, half, end, numbers, feature }: LengthProps) {
  const percent = (at: number) => 100 * Math.max(0, Math.min(1, at / end));
  const chance = numbers.chance?.[feature] ?? 0;
  const direction = numbers.signed?.[feature] ?? 0;
  const sure = half === null || !Number.isFinite(half) || value - half > (Number.isFinite(chance) ? chance : 0);
  const known = half !== null && Number.isFinite(half) && half > 0;
  const from = percent(value - (half ?? 0));
  return (
    <div class={`jx-bar${sure ? "" : " hollow"}`} aria-hidden="true">
      <i class="z" />
      <i class="b" style={{ width: `${percent(value)}%` }} />
      {sure && (
        <i
          class={`b ${direction < 0 ? "neg" : "pos"}`}
          style={{ width: `${percent(Math.min(value, Math.abs(direction)))}%` }}
        />
      )}
      {known && <i class="e" style={{ left: `${from}%`, width: `${percent(value + (half ?? 0)) - from}%` }} />}
    </div>
  );
}

const WIDE = 1000;
const HIGH = 26;
/** Pixels from a dot that still mean it. */
const REACH = 9;

/** A dot a row: along the line its weight, up and down its own value. */
function Strip({ dots, end, row, open }: { dots: Driver[]; end: number; row: number; open: (row: number) => void }) {
  const [tip, setTip] = useState("");
  const x = ({ weight }: Driver) => WIDE * (0.5 + 0.48 * (weight / end));
  const y = ({ row: at, height }: Driver) =>
    Number.isFinite(height) ? HIGH - 5 - (HIGH - 10) * height : 6 + ((at * 7919) % (HIGH - 12));
  const path = (some: Driver[]) => some.map((dot) => `M${x(dot).toFixed(0)} ${y(dot).toFixed(1)}h.01`).join("");
  const here = dots.filter((dot) => dot.row === row);
  const hollow = path(dots.filter(({ filled }) => !filled));
  const nearest = (event: MouseEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const far = (dot: Driver) =>
      Math.hypot((x(dot) / WIDE) * box.width - event.clientX + box.left, y(dot) - event.clientY + box.top);
    const near = dots.reduce<Driver | null>((best, dot) => (best && far(best) <= far(dot) ? best : dot), null);
    return near && far(near) <= REACH ? near : null;
  };
  const say = (dot: Driver | null) => (dot ? `row ${whole(dot.row)}: ${dot.value} ${signed(dot.weight, 3)}` : "");
  return (
    <svg
      viewBox={`0 0 ${WIDE} ${HIGH}`}
      preserveAspectRatio="none"
      aria-hidden="true"
      onPointerMove={(event) => setTip(say(nearest(event)))}
      onClick={(event) => {
        const near = nearest(event);
        if (near) open(near.row);
      }}
    >
      {tip && <title>{tip}</title>}
      <path class="z" d={`M${WIDE / 2} 0V${HIGH}`} />
      <path d={hollow} />
      <path class="h" d={hollow} />
      <path d={path(dots.filter(({ filled }) => filled))} />
      {here.length > 0 && <path class="r" d={path(here)} />}
      {here[0] && <path class={`c ${here[0].weight < 0 ? "neg" : "pos"}`} d={path(here)} />}
    </svg>
  );
}

interface DriversProps {
  found: Driver[];
  over: Overview;
  row: number;
  open: (row: number) => void;
  decimals: number;
}

/** The rows with the largest weights at one feature. */
function Drivers({ found, over, row, open, decimals }: DriversProps) {
  if (!found.length)
    return <p class="gl-d s q">{over.dots ? "No row of the sample has it." : "No rows are kept for it."}</p>;
  return (
    <div class="gl-d">
      <span class="s q">rows that drive it: </span>
      {found.map(({ row: at, weight, value }) => (
        <button type="button" class="btn" key={at} aria-pressed={at === row} onClick={() => open(at)}>
          #{whole(at)} <bdi class="q">{value}</bdi>{" "}
          <b class={signClass(weight, decimals)}>{signed(weight, decimals)}</b>
        </button>
      ))}
    </div>
  );
}
