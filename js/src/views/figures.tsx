/** The picture or text that methods explain, once for each of them: what one hand does is done in all. */
import { useSignal } from "@preact/signals";
import { useCallback, useLayoutEffect, useMemo, useState } from "preact/hooks";
import { endsOf, type Shown } from "../board";
import { useShared } from "../components/shared";
import { namesAfter } from "../features";
import { loadPhoto, type Photo } from "../photo";
import { couldBeZero, wantedEnd } from "../scales";
import type { Board, Geometry, ImageLayout, TextLayout } from "../schema.gen";
import type { Store } from "../store";
import { widthsOf } from "../strokes";
import { Body } from "./body";
import { imageSize, PhotoCanvas } from "./canvas";
import { type Place, type Tool, ToolChoice } from "./covering";
import { entriesOf } from "./entries";

interface FiguresProps {
  store: Store;
  board: Board;
  columns: Shown[];
  hot: number;
  setHot: (feature: number) => void;
}

export function Figures({ store, board, columns, hot, setHot }: FiguresProps) {
  const geometry = store.geometry.value;
  const layout = geometry?.layout;
  const ends = endsOf(columns);
  const known = columns.filter((shown) => shown.values !== null);
  if (!geometry || known.length === 0) return null;
  const fixed = board.coarser ?? false;
  if (layout?.type === "tokens")
    return (
      <div class="cp-f tx-f">
        {known.map((shown) => (
          <figure key={shown.at}>
            <figcaption>{shown.column.label}</figcaption>
            <Words {...{ store, geometry, layout, shown, hot, setHot, fixed, end: ends[shown.at] as number }} />
          </figure>
        ))}
      </div>
    );
  if (layout?.type !== "pixels") return null;
  return <Photos {...{ store, layout, known, ends, hot, setHot, fixed }} />;
}

interface WordsProps {
  store: Store;
  geometry: Geometry;
  layout: TextLayout;
  shown: Shown;
  end: number;
  hot: number;
  setHot: (feature: number) => void;
  fixed: boolean;
}

/** One method's marks in the text. */
function Words({ store, geometry, layout, shown, end, hot, setHot, fixed }: WordsProps) {
  const names = namesAfter(geometry, store.whatif.changes.value);
  const entries = entriesOf(layout, names, shown, false);
  const point = (entry: number | null) => setHot(entry ?? -1);
  const shared = { store, geometry, layout, entries, end, fixed };
  return <Body {...shared} scope="word" hot={hot < 0 ? null : hot} setHot={point} />;
}

interface PhotosProps {
  store: Store;
  layout: ImageLayout;
  known: Shown[];
  ends: number[];
  hot: number;
  setHot: (feature: number) => void;
  fixed: boolean;
}

function Photos({ store, layout, known, ends, hot, setHot, fixed }: PhotosProps) {
  const photo = useLoaded(layout, null);
  const live = store.reachable.value && !fixed;
  const usual: Tool = { kind: "brush", width: widthsOf(...imageSize(layout)).usual };
  const [tool, setTool] = useShared(store, "tool", usual);
  const place: Place = useSignal(null);
  return (
    <>
      <div class="cp-f">
        {known.map((shown) => (
          <figure key={shown.at}>
            <figcaption>{shown.column.label}</figcaption>
            <Heat
              {...{ store, layout, photo, shown, hot, setHot, fixed, tool, place, end: ends[shown.at] as number }}
            />
          </figure>
        ))}
      </div>
      {live && (
        <p class="s q cp-o">
          {layout.labels ? "Click a piece to hide it, drag" : "Drag"} to cover a part, in all of them, with
          <ToolChoice tool={tool} setTool={setTool} />
        </p>
      )}
    </>
  );
}

interface HeatProps extends Omit<PhotosProps, "known" | "ends"> {
  photo: Photo | "broken" | null;
  shown: Shown;
  end: number;
  tool: Tool;
  place: Place;
}

/** The photo with one method's values on it: by pixel if it has them, else by piece. */
function Heat({ store, layout, photo, shown, end, hot, setHot, fixed, tool, place }: HeatProps) {
  const { values, errors, pixels, column } = shown;
  const fine = useLoaded(layout, pixels);
  const heat = pixels?.values ?? values;
  const doubt = pixels ? null : errors;
  const seen = useCallback((i: number) => heat?.[i] !== 0 && !couldBeZero(heat?.[i] ?? 0, doubt?.[i]), [heat, doubt]);
  const scale = useMemo(() => (pixels ? wantedEnd(pixels.values, null) : end), [pixels, end]);
  return (
    <div class="im-pic" style={{ aspectRatio: `${layout.width} / ${layout.height}` }}>
      <PhotoCanvas
        {...{ store, layout, heat, seen, hot, setHot, fixed, tool, place, end: scale }}
        opacity={0.7}
        bare={false}
        outlined={false}
        photo={pixels ? fine : photo}
        cut={pixels && photo !== "broken" ? photo : null}
        truth={null}
        label={`${column.label} on the picture`}
      />
    </div>
  );
}

/** The decoded photo, indexed by a map's pixels if one is given; "broken" if the browser cannot read it. */
function useLoaded(layout: ImageLayout, map: { width: number; height: number } | null): Photo | "broken" | null {
  const [photo, setPhoto] = useState<Photo | "broken" | null>(null);
  const [width, height] = [map?.width, map?.height];
  const plain = useMemo(() => {
    const { labels: _, ...rest } = layout;
    return width ? rest : layout;
  }, [layout, width]);
  useLayoutEffect(() => {
    let wanted = true;
    loadPhoto(plain, width && height ? { width, height } : null).then(
      (loaded) => wanted && setPhoto(loaded),
      () => wanted && setPhoto("broken"),
    );
    return () => {
      wanted = false;
    };
  }, [plain, width, height]);
  return photo;
}
