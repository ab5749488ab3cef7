/** The photo under its heat, in the reader's hands: a click hides a piece, a drag brushes or covers a box. */
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { type Spot, useGestures } from "../components/handle";
import { develop } from "../darkroom";
import type { Box, Changes } from "../edits";
import { compose, coverOf, type Ground, heatLayer, rimOf, veil } from "../heat";
import type { Photo } from "../photo";
import type { ImageLayout } from "../schema.gen";
import type { Store } from "../store";
import { boxOf, ledOn, type Point, pointAt } from "../strokes";
import type { Place, Tool } from "./covering";

interface CanvasProps {
  store: Store;
  layout: ImageLayout;
  photo: Photo | "broken" | null;
  label: string;
  heat: Float32Array | null;
  /** Which values are drawn; the same function as long as they are the same. */
  seen: (index: number) => boolean;
  end: number;
  opacity: number;
  hot: number;
  setHot: (piece: number) => void;
  /** Show the photo as the model gets it. */
  bare: boolean;
  /** The cut alone, without heat. */
  outlined: boolean;
  /** The picture that Python made of the present edits, canvas pixels; null while it has not. */
  truth: Uint8ClampedArray | null;
  /** What a drag covers, and where it is. */
  tool: Tool;
  /** The tool was chosen: one finger draws, two scroll. Otherwise a finger that goes up or down scrolls. */
  taken?: boolean;
  place: Place;
  /** The pieces that are pointed at and hidden, where the heat has pixels of its own. */
  cut?: Photo | null;
  /** The photo can only be looked at. */
  fixed?: boolean;
}

/** Width of the image itself, in whose pixels edits are written. */
export function imageSize(layout: ImageLayout): [width: number, height: number] {
  const width = layout.original_width ?? layout.width;
  return [width, Math.round((layout.height * width) / layout.width)];
}

export function PhotoCanvas(props: CanvasProps) {
  const { store, layout, photo, label, heat, seen, end, opacity, hot, setHot, bare, outlined, truth, tool, place } =
    props;
  const { fixed = false } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const known = photo && photo !== "broken" ? photo : null;
  const ground = known?.ground ?? null;
  const pieces = props.cut ?? known;
  const changes = store.whatif.changes.value;
  // pieces of the present cut are no pieces of one that is tried
  const away = outlined ? NONE : changes.hidden;
  const removed = outlined ? undefined : store.removal.value?.removed;
  const edited = useEdited(layout, ground, pieces?.ground ?? null, { ...changes, hidden: away }, removed);
  const live = store.reachable.value && store.trial.value === null && !fixed;
  const [width, height] = imageSize(layout);

  const { rgba, covered } = edited;
  const fits = heat !== null && known !== null && known.middles.length <= heat.length;
  const drawn = fits ? { values: heat, shown: seen, end, opacity } : NOTHING;
  // what lies over the photo stays while the photo itself is changed, and the other way round
  const layer = useMemo(
    () =>
      ground && !bare && (fits || covered || outlined) ? heatLayer(ground, { ...drawn, covered, outlined }) : null,
    [ground, bare, heat, fits, seen, end, opacity, covered, outlined],
  );
  // all but the outline of what is pointed at: that follows the pointer, and costs next to nothing
  const image = useMemo(() => {
    if (!ground || !rgba) return null;
    const painted = new Uint8ClampedArray(ground.rgba.length);
    // the photo itself as the model gets it, unless boxes and pieces are in it, which are hatched here
    const shown = covered ? rgba : (truth ?? rgba);
    if (bare) painted.set(truth ?? veil({ ...ground, rgba }, covered, layout.fill));
    else if (layer) compose(painted, shown, layer, drawn.opacity);
    else painted.set(shown);
    return painted;
  }, [ground, rgba, covered, truth, bare, layer, drawn.opacity, layout.fill]);
  useLayoutEffect(() => {
    const context = image && canvas.current?.getContext("2d");
    if (!image || !context || !ground || !pieces) return;
    const rim = hot >= 0 && !bare && pieces.middles.length > 0 ? rimOf(pieces.ground, hot) : NO_RIM;
    const words = new Uint32Array(image.buffer);
    const under = rim.map((at) => words[at] as number);
    for (const at of rim) words[at] = BLACK;
    context.putImageData(new ImageData(image, ground.width, ground.height), 0, 0);
    rim.forEach((at, i) => {
      words[at] = under[i] as number;
    });
  }, [image, hot, bare, pieces]);

  const pieceAt = ({ x, y }: Spot) => {
    if (!pieces || pieces.middles.length === 0) return -1;
    const { width, height, index } = pieces.ground;
    const column = Math.min(width - 1, Math.floor(x * width));
    const row = Math.min(height - 1, Math.floor(y * height));
    return index[row * width + column] ?? -1;
  };
  const stroke = useRef<Point[]>([]);
  const brushed = (...spots: Spot[]) => {
    for (const spot of spots) stroke.current = ledOn(stroke.current, pointAt(spot, width, height), tool.width);
    return { op: "brush" as const, points: stroke.current, width: tool.width };
  };
  const gestures = useGestures(live, {
    onPoint: (spot) => {
      setHot(spot ? pieceAt(spot) : -1);
      place.value = live ? spot : null;
    },
    onClick: (spot) => {
      const piece = pieceAt(spot);
      if (piece >= 0) togglePiece(store, piece);
      // a photo without pieces is dabbed
      else if (ground && tool.kind === "brush") store.whatif.change(brushed(spot));
      stroke.current = [];
    },
    onDraw: (from, to) => {
      setHot(-1);
      place.value = to;
      const box = tool.kind === "box" ? boxOf(from, to, width, height) : null;
      if (box) store.whatif.move({ op: "occlude", box });
      else if (tool.kind === "brush") store.whatif.move(brushed(...(stroke.current.length > 0 ? [to] : [from, to])));
    },
    onDrawn: () => {
      stroke.current = [];
      store.whatif.commit();
    },
    onCancel: () => {
      stroke.current = [];
      store.whatif.cancel();
    },
  });
  return (
    <canvas
      ref={canvas}
      class={live ? (props.taken ? "live taken" : "live") : ""}
      width={ground?.width ?? 1}
      height={ground?.height ?? 1}
      role="img"
      aria-label={label}
      {...gestures}
    />
  );
}

const NO_RIM: readonly number[] = [];
const NONE: ReadonlySet<number> = new Set();
/** Opaque black, whichever end comes first: the channels are equal and the opacity is set in both. */
const BLACK = new Uint32Array(Uint8Array.of(0, 0, 0, 255).buffer)[0] as number;
const NOTHING = { values: [], shown: () => false, end: 1, opacity: 0 };

/** Hides a piece, or brings it back. */
export function togglePiece(store: Store, piece: number): void {
  if (piece < 0 || !store.reachable.peek()) return;
  const hidden = store.whatif.changes.peek().hidden.has(piece);
  store.whatif.change({ op: hidden ? "show" : "hide", pieces: [piece] });
}

/** The photo after the changes, as far as it can be told here; `cut` has the pieces. */
function useEdited(
  layout: ImageLayout,
  ground: Ground | null,
  cut: Ground | null,
  changes: Changes,
  removed?: ReadonlySet<number>,
) {
  const { adjusted, boxes, strokes } = changes;
  const hidden = removed?.size ? new Set([...changes.hidden, ...removed]) : changes.hidden;
  const dials = JSON.stringify([...adjusted]);
  const pixel = ground ? imageSize(layout)[0] / ground.width : 1;
  const rgba = useMemo(
    () => (ground ? develop(ground.rgba, ground.width, ground.height, pixel, adjusted) : null),
    [ground?.rgba, pixel, dials],
  );
  const covers = JSON.stringify([[...hidden], boxes, strokes]);
  const covered = useMemo(() => {
    const scale = (box: Box) => box.map((side) => Math.round(side / pixel)) as Box;
    return cut ? coverOf(cut, hidden, boxes.map(scale), strokes, imageSize(layout)) : null;
  }, [cut, pixel, covers]);
  return { rgba, covered };
}
