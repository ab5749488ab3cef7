import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { OWN_KEYS } from "../components/keys";
import { Track } from "../components/track";
import { counted, decimalsFor, fixed, signed, UNKNOWN, whole } from "../format";
import { paintHeat } from "../heat";
import { loadPhoto, type Photo } from "../photo";
import { byWeight } from "../ranking";
import { couldBeZero } from "../scales";
import type { Geometry, ImageLayout } from "../schema.gen";
import type { Picture, Store } from "../store";
import { reading } from "../words";
import { Legend } from "./legend";

const OPACITY = 0.75;
const NUMBERED = 5;

/** The photo under its heat, the legend, opacity and threshold, and the piece that is pointed at. */
export function ImageView({ store }: { store: Store }) {
  const geometry = store.geometry.value;
  const picture = store.picture.value;
  const [hot, setHot] = useState(-1);
  const layout = geometry?.layout.type === "pixels" ? geometry.layout : null;
  const photo = usePhoto(layout, picture);
  if (!geometry || !layout) return null;
  const { opacity = OPACITY, threshold = 0 } = store.display.value;
  const { values, errors, end } = picture;
  const map = picture.estimate?.pixels;
  const heat = values ?? (map && map.target === picture.target ? map.values : null);
  const seen = (i: number) => {
    const value = heat?.[i] ?? 0;
    return value !== 0 && Math.abs(value) >= threshold * end && !couldBeZero(value, errors?.[i]);
  };
  const decimals = decimalsFor(geometry.output_unit, end);
  const count = heat ? heat.reduce((sum, _, i) => sum + Number(seen(i)), 0) : 0;
  const thing = layout.labels ? "pieces" : "pixels";
  return (
    <div class="im">
      <div class="im-pic" style={{ aspectRatio: `${layout.width} / ${layout.height}` }}>
        <PhotoCanvas
          photo={photo}
          label={`Photo with ${whole(heat?.length ?? layout.n_features)} ${thing} coloured by contribution`}
          {...{ heat, seen, end, opacity, hot, setHot }}
        />
        {photo !== "broken" && photo && values && (
          <Numbers photo={photo} values={values} seen={seen} decimals={decimals} />
        )}
        {values && layout.labels && <Pieces geometry={geometry} picture={picture} hot={hot} setHot={setHot} />}
        {photo === "broken" && <p class="m q">This browser could not read the photo.</p>}
      </div>
      <div class="im-c">
        <Legend
          end={end}
          threshold={threshold * end}
          decimals={decimals}
          name={picture.estimate?.target_names[picture.row]}
        />
        <div class="hd">show</div>
        <span class="lb">opacity</span>
        <Track
          label="opacity of the heat"
          value={opacity}
          curve={RAMP}
          valueText={`${Math.round(100 * opacity)} %`}
          onInput={(next) => store.show({ opacity: next })}
        />
        <span class="rd q">{Math.round(100 * opacity)} %</span>
        <span class="lb">threshold</span>
        <Track
          label="smallest contribution shown"
          value={threshold}
          curve={survival(heat, errors, end)}
          valueText={`${counted(count, thing)} shown`}
          onInput={(next) => store.show({ threshold: next })}
        />
        <span class="rd">
          <span class="q">≥ {fixed(threshold * end, decimals)}</span> <b>{heat ? whole(count) : UNKNOWN}</b>
          <span class="q">{"\u00a0seen"}</span>
        </span>
        <Readout geometry={geometry} picture={picture} hot={hot} />
      </div>
    </div>
  );
}

/** Opacity is its own answer. */
const RAMP = [
  [0, 0],
  [1, 1],
] as const;

/** How many values are at or above each threshold: the groove of the threshold slider. */
export function survival(values: Float32Array | null, errors: Float32Array | null, end: number): [number, number][] {
  const points = 40;
  const bins = new Array<number>(points + 1).fill(0);
  values?.forEach((value, i) => {
    if (value === 0 || couldBeZero(value, errors?.[i])) return;
    const bin = Math.min(points, Math.floor((points * Math.abs(value)) / end));
    bins[bin] = (bins[bin] as number) + 1;
  });
  let left = values?.length ? 1 : 0;
  return bins.map((bin, i) => {
    if (i === 0 && values?.length) left = bins.reduce((sum, number) => sum + number, 0) / values.length;
    const here: [number, number] = [i / points, 0.92 * left];
    left -= values?.length ? bin / values.length : 0;
    return here;
  });
}

/** The decoded photo; "broken" if the browser cannot read it. */
function usePhoto(layout: ImageLayout | null, picture: Picture): Photo | "broken" | null {
  const [photo, setPhoto] = useState<Photo | "broken" | null>(null);
  const map = picture.estimate?.pixels;
  const [width, height] = [map?.width, map?.height];
  useEffect(() => {
    let wanted = true;
    if (!layout) return;
    loadPhoto(layout, width && height ? { width, height } : null).then(
      (loaded) => wanted && setPhoto(loaded),
      () => wanted && setPhoto("broken"),
    );
    return () => {
      wanted = false;
    };
  }, [layout, width, height]);
  return photo;
}

interface CanvasProps {
  photo: Photo | "broken" | null;
  label: string;
  heat: Float32Array | null;
  seen: (index: number) => boolean;
  end: number;
  opacity: number;
  hot: number;
  setHot: (piece: number) => void;
}

function PhotoCanvas({ photo, label, heat, seen, end, opacity, hot, setHot }: CanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const ground = photo && photo !== "broken" ? photo.ground : null;
  useLayoutEffect(() => {
    const context = ground && canvas.current?.getContext("2d");
    if (!ground || !context) return;
    const image = context.createImageData(ground.width, ground.height);
    const fits = heat !== null && (photo as Photo).middles.length <= heat.length;
    paintHeat(image.data, ground, fits ? { values: heat, shown: seen, end, opacity, hot } : null);
    context.putImageData(image, 0, 0);
  });
  const point = (event: PointerEvent) => {
    if (!ground || (photo as Photo).middles.length === 0) return;
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const x = Math.floor(((event.clientX - box.left) / box.width) * ground.width);
    const y = Math.floor(((event.clientY - box.top) / box.height) * ground.height);
    const inside = x >= 0 && y >= 0 && x < ground.width && y < ground.height;
    setHot(inside ? (ground.index[y * ground.width + x] ?? -1) : -1);
  };
  return (
    <canvas
      ref={canvas}
      width={ground?.width ?? 1}
      height={ground?.height ?? 1}
      role="img"
      aria-label={label}
      onPointerMove={point}
      onPointerDown={point}
      onPointerLeave={() => setHot(-1)}
    />
  );
}

interface NumbersProps {
  photo: Photo;
  values: Float32Array;
  seen: (index: number) => boolean;
  decimals: number;
}

/** The largest pieces carry their number. */
function Numbers({ photo, values, seen, decimals }: NumbersProps) {
  const largest = byWeight(values).filter(seen).slice(0, NUMBERED);
  return (
    <>
      {largest.map((piece) => {
        const [x, y] = photo.middles[piece] ?? [0.5, 0.5];
        return (
          <span
            key={piece}
            class="lab"
            aria-hidden="true"
            style={{
              left: `clamp(26px, ${100 * x}%, calc(100% - 26px))`,
              top: `clamp(8px, ${100 * y}%, calc(100% - 8px))`,
            }}
          >
            {signed(values[piece] as number, decimals)}
          </span>
        );
      })}
    </>
  );
}

interface PiecesProps {
  geometry: Geometry;
  picture: Picture;
  hot: number;
  setHot: (piece: number) => void;
}

/** The pieces by weight for keyboard and screen reader; the canvas shows which one is chosen. */
function Pieces({ geometry, picture, hot, setHot }: PiecesProps) {
  const { order, values, errors, end } = picture;
  const [at, setAt] = useState(0);
  const id = useRef(`jx-${Math.random().toString(36).slice(2)}`).current;
  const step = (event: KeyboardEvent) => {
    const moves: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: order.length - 1 };
    const to = moves[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(order.length - 1, to));
    setAt(next);
    setHot(order[next] ?? -1);
  };
  return (
    <div
      {...OWN_KEYS}
      class="pieces"
      role="listbox"
      aria-label="Pieces by contribution"
      aria-activedescendant={`${id}-${at}`}
      tabIndex={0}
      onKeyDown={step}
      onFocus={() => setHot(order[at] ?? -1)}
      onBlur={() => setHot(-1)}
    >
      {order.map((piece, place) => (
        <span
          key={piece}
          id={`${id}-${place}`}
          class="vh"
          role="option"
          tabIndex={-1}
          aria-selected={piece === hot}
          aria-label={`piece ${piece + 1}, ${reading(values?.[piece] ?? 0, errors?.[piece], geometry.output_unit, end)}`}
        />
      ))}
    </div>
  );
}

/** The numbers of the piece that is pointed at, else of the largest. */
function Readout({ geometry, picture, hot }: { geometry: Geometry; picture: Picture; hot: number }) {
  const { values, errors, end, order } = picture;
  const piece = hot >= 0 ? hot : order[0];
  const value = piece === undefined ? undefined : values?.[piece];
  if (piece === undefined || value === undefined) return null;
  const [number, ...rest] = reading(value, errors?.[piece], geometry.output_unit, end).split(" ");
  return (
    <div class="rdo">
      <span class="q">
        {hot >= 0 ? "" : "largest: "}piece {piece + 1}
      </span>{" "}
      <b class={value < 0 ? "neg" : "pos"}>{number?.replace(/,$/, "")}</b> <span class="q">{rest.join(" ")}</span>
    </div>
  );
}
