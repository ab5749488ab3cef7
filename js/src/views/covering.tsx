/** Covering a part of the photo: with which tool, and from the keyboard. */
import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Groove } from "../components/groove";
import type { Spot } from "../components/handle";
import { OWN_KEYS } from "../components/keys";
import { whole } from "../format";
import type { ImageLayout } from "../schema.gen";
import type { Store } from "../store";
import { boxOf, ledOn, type Point, pointAt, widthsOf } from "../strokes";
import { imageSize } from "./canvas";

/** What a drag covers. `width` is the brush's, in the image's pixels. */
export interface Tool {
  kind: "brush" | "box";
  width: number;
}

/** Where the tool is, as shares of the photo: under the pointer, or where the keys led it. */
export type Place = Signal<Spot | null>;

/** Brush or box. */
export function ToolChoice({ tool, setTool }: { tool: Tool; setTool: (tool: Tool) => void }) {
  const name = useRef(`jx-${Math.random().toString(36).slice(2)}`).current;
  return (
    <span class="tools" role="radiogroup" aria-label="a drag covers">
      {(["brush", "box"] as const).map((kind) => (
        <label key={kind} class="chk">
          <input
            {...OWN_KEYS}
            type="radio"
            name={name}
            checked={tool.kind === kind}
            onClick={() => setTool({ ...tool, kind })}
          />
          {kind}
        </label>
      ))}
    </span>
  );
}

/** How wide the brush is. */
export function BrushWidth({
  layout,
  tool,
  setTool,
}: {
  layout: ImageLayout;
  tool: Tool;
  setTool: (tool: Tool) => void;
}) {
  const { least, most } = widthsOf(...imageSize(layout));
  if (tool.kind !== "brush") return null;
  return (
    <>
      <span class="lb">brush</span>
      <Groove
        label="width of the brush"
        valueText={`${whole(tool.width)} pixels`}
        step={tool.width - least}
        last={most - least}
        line={[]}
        plain
        dot={[(tool.width - least) / Math.max(1, most - least), 0.5]}
        onInput={(step) => setTool({ ...tool, width: least + step })}
      />
      <span class="rd q">{whole(tool.width)} px</span>
    </>
  );
}

/** A box led by the keys moves and grows by this share of the photo. */
const STEP = 1 / 40;
/** Before it is grown. */
const FIRST = 0.2;

const WAYS: Record<string, readonly [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

const inside = (share: number) => Math.max(0, Math.min(1, share));

interface CoverKeysProps {
  store: Store;
  layout: ImageLayout;
  tool: Tool;
  place: Place;
}

/** Arrows lead the tool over the photo, Space covers what is under it; Shift with arrows brushes, or grows the box. */
export function CoverKeys({ store, layout, tool, place }: CoverKeysProps) {
  const size = useSignal<Spot>({ x: FIRST, y: FIRST });
  const focused = useSignal(false);
  const stroke = useRef<Point[]>([]);
  const [width, height] = imageSize(layout);
  const { whatif } = store;
  const brush = tool.kind === "brush";
  const at = place.value;

  const lift = () => {
    if (stroke.current.length > 0) whatif.commit();
    stroke.current = [];
  };
  const lead = (from: Spot, to: Spot) => {
    const begun = stroke.current.length > 0 ? stroke.current : [pointAt(from, width, height)];
    stroke.current = ledOn(begun, pointAt(to, width, height), tool.width);
    whatif.move({ op: "brush", points: stroke.current, width: tool.width });
  };
  const cover = (spot: Spot) => {
    if (brush) {
      whatif.change({ op: "brush", points: [pointAt(spot, width, height)], width: tool.width });
      return;
    }
    const box = boxOf(spot, { x: inside(spot.x + size.peek().x), y: inside(spot.y + size.peek().y) }, width, height);
    if (box) whatif.change({ op: "occlude", box });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const here = place.peek() ?? { x: 0.5, y: 0.5 };
    const way = WAYS[event.key];
    if (event.key === " " || event.key === "Enter") {
      lift();
      if (!event.repeat) cover(here);
    } else if (way && event.shiftKey && !brush) {
      const { x, y } = size.peek();
      size.value = { x: Math.max(STEP, inside(x + STEP * way[0])), y: Math.max(STEP, inside(y + STEP * way[1])) };
    } else if (way) {
      const step = brush ? [tool.width / 2 / width, tool.width / 2 / height] : [STEP, STEP];
      const to = { x: inside(here.x + way[0] * (step[0] as number)), y: inside(here.y + way[1] * (step[1] as number)) };
      if (event.shiftKey) lead(here, to);
      else lift();
      place.value = to;
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  useEffect(() => lift, []);
  if (!store.reachable.value || store.trial.value !== null) return null;

  const shown = at && (brush || focused.value);
  const [wide, high] = brush ? [tool.width / width, tool.width / height] : [size.value.x, size.value.y];
  const corner = at && (brush ? { x: at.x - wide / 2, y: at.y - high / 2 } : at);
  const percent = (share: number) => `${(100 * share).toFixed(2)}%`;
  const said = at ? `${Math.round(100 * at.x)} % from the left, ${Math.round(100 * at.y)} % from the top` : "";
  return (
    <div
      {...OWN_KEYS}
      class="cover"
      role="application"
      aria-roledescription={tool.kind}
      aria-label={`Cover a part: arrows move the ${tool.kind}, Space covers, Shift with arrows ${brush ? "brushes" : "sizes it"}`}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: an application is there to be driven by keys
      tabIndex={0}
      onKeyDown={onKeyDown}
      onKeyUp={(event) => event.key === "Shift" && lift()}
      onFocus={() => {
        focused.value = true;
        place.value ??= { x: 0.5, y: 0.5 };
      }}
      onBlur={() => {
        lift();
        focused.value = false;
        place.value = null;
      }}
    >
      {shown && corner && (
        <i
          class={`ring ${tool.kind}`}
          style={{
            left: percent(corner.x),
            top: percent(corner.y),
            width: percent(brush ? wide : Math.min(wide, 1 - corner.x)),
            height: percent(brush ? high : Math.min(high, 1 - corner.y)),
          }}
        />
      )}
      {focused.value && (
        <span class="vh" aria-live="polite">
          {said}
        </span>
      )}
    </div>
  );
}
