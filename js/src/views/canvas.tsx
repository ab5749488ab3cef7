/** The photo under its heat, in the reader's hands: a click hides a piece, a drag brushes or covers a box. */
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { type Spot, useGestures } from "../components/handle";
import { develop } from "../darkroom";
import type { Box, Changes } from "../edits";
import { coverOf, type Ground, paintHeat, veil } from "../heat";
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
  place: Place;
}

/** Width of the image itself, in whose pixels edits are written. */
export function imageSize(layout: ImageLayout): [width: number, height: number] {
  const width = layout.original_width ?? layout.width;
  return [width, Math.round((layout.height * width) / layout.width)];
}

export function PhotoCanvas(props: CanvasProps) {
  const { store, layout, photo, label, heat, seen, end, opacity, hot, setHot, bare, outlined, truth, tool, place } =
    props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const known = photo && photo !== "broken" ? photo : null;
  const ground = known?.ground ?? null;
  const changes = store.whatif.changes.value;
  const edited = useEdited(layout, ground, changes, store.removal.value?.removed);
  const live = store.reachable.value && store.trial.value === null;
  const [width, height] = imageSize(layout);

  useLayoutEffect(() => {
    const context = ground && canvas.current?.getContext("2d");
    if (!ground || !context || !edited) return;
    const image = context.createImageData(ground.width, ground.height);
    const { rgba, covered } = edited;
    if (bare) image.data.set(truth ?? veil({ ...ground, rgba }, covered, layout.fill));
    else {
      const fits = heat !== null && (known as Photo).middles.length <= heat.length;
      const drawn = fits ? { values: heat, shown: seen, end, opacity } : NOTHING;
      // the photo itself as the model gets it, unless boxes and pieces are in it, which are hatched here
      const shown = covered ? rgba : (truth ?? rgba);
      const marked = fits || covered || outlined;
      paintHeat(image.data, { ...ground, rgba: shown }, marked ? { ...drawn, hot, covered, outlined } : null);
    }
    context.putImageData(image, 0, 0);
  });

  const pieceAt = ({ x, y }: Spot) => {
    if (!ground || (known as Photo).middles.length === 0) return -1;
    const column = Math.min(ground.width - 1, Math.floor(x * ground.width));
    const row = Math.min(ground.height - 1, Math.floor(y * ground.height));
    return ground.index[row * ground.width + column] ?? -1;
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
      class={live ? "live" : ""}
      width={ground?.width ?? 1}
      height={ground?.height ?? 1}
      role="img"
      aria-label={label}
      {...gestures}
    />
  );
}

const NOTHING = { values: [], shown: () => false, end: 1, opacity: 0 };

/** Hides a piece, or brings it back. */
export function togglePiece(store: Store, piece: number): void {
  if (piece < 0 || !store.reachable.peek()) return;
  const hidden = store.whatif.changes.peek().hidden.has(piece);
  store.whatif.change({ op: hidden ? "show" : "hide", pieces: [piece] });
}

/** The photo after the changes, as far as it can be told here. */
function useEdited(layout: ImageLayout, ground: Ground | null, changes: Changes, removed?: ReadonlySet<number>) {
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
    return ground ? coverOf(ground, hidden, boxes.map(scale), strokes, imageSize(layout)) : null;
  }, [ground, pixel, covers]);
  return rgba && { rgba, covered };
}
