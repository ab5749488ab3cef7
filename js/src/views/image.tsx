import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useState } from "preact/hooks";
import type { Spot } from "../components/handle";
import { useShared } from "../components/shared";
import { Track } from "../components/track";
import { same } from "../decode";
import { counted, decimalsFor, fixed, UNKNOWN, whole } from "../format";
import { cutAnew, loadPhoto, type Photo, pixels } from "../photo";
import { couldBeZero } from "../scales";
import type { ImageLayout } from "../schema.gen";
import type { Picture, Store } from "../store";
import { widthsOf } from "../strokes";
import { imageSize, PhotoCanvas } from "./canvas";
import { BrushWidth, CoverKeys, type Tool, ToolChoice } from "./covering";
import { Dials } from "./dials";
import { Legend } from "./legend";
import { Numbers, Pieces, Readout } from "./pieces";

const OPACITY = 0.75;

/** The photo under its heat, the legend, what is shown of it, and what can be done to it. */
export function ImageView({ store }: { store: Store }) {
  const geometry = store.geometry.value;
  const picture = store.picture.value;
  const [hot, setHot] = useState(-1);
  const [bare, setBare] = useShared(store, "bare", false);
  const [picked, setTool] = useShared<Tool | null>(store, "tool", null);
  const place = useSignal<Spot | null>(null);
  const layout = geometry?.layout.type === "pixels" ? geometry.layout : null;
  const photo = usePhoto(layout, picture);
  const cut = useCut(store, photo);
  const truth = useTruth(store, photo, bare);
  const { opacity = OPACITY, threshold = 0 } = store.display.value;
  const { estimate, target, end } = picture;
  // the same arrays as long as the estimate is the same: what is drawn of them is kept
  const { values, errors, heat } = useMemo(
    () => ({ ...picture, heat: picture.values ?? estimate?.pixels.get(target)?.values ?? null }),
    [estimate, target],
  );
  const { seen, count, curve } = useSeen(heat, errors, end, threshold);
  if (!geometry || !layout) return null;
  const tool = picked ?? { kind: "brush", width: widthsOf(...imageSize(layout)).usual };
  const { hidden } = store.whatif.changes.value;
  const removed = store.removal.value?.removed;
  const decimals = decimalsFor(geometry.output_unit, end);
  const thing = layout.labels ? "pieces" : "pixels";
  const known = photo !== "broken" && photo && values && !bare && !cut;
  return (
    <div class="im">
      <div>
        <div class="im-pic" style={{ aspectRatio: `${layout.width} / ${layout.height}` }}>
          <PhotoCanvas
            {...{ store, layout, end, opacity, hot, setHot, seen, bare, truth, tool, place }}
            photo={cut?.photo ?? photo}
            heat={cut ? null : heat}
            outlined={cut !== null}
            taken={picked !== null}
            label={
              bare
                ? "The photo as the model sees it"
                : `Photo with ${whole(heat?.length ?? layout.n_features)} ${thing} coloured by contribution`
            }
          />
          {known && (
            <Numbers
              photo={photo}
              values={values}
              seen={(i) => seen(i) && !hidden.has(i) && !removed?.has(i)}
              decimals={decimals}
            />
          )}
          {values && layout.labels && (
            <Pieces {...{ store, geometry, picture, hot, setHot }} middles={known ? photo.middles : []} />
          )}
          <CoverKeys {...{ store, layout, tool, place }} />
          {photo === "broken" && <p class="m q">This browser could not read the photo.</p>}
        </div>
        <Caption
          store={store}
          pieces={cut?.pieces ?? 0}
          bare={bare}
          cut={layout.labels !== undefined}
          tool={tool}
          taken={picked !== null}
        />
      </div>
      <div class="im-c">
        <Legend
          end={end}
          threshold={threshold * end}
          decimals={decimals}
          name={picture.estimate?.target_names[picture.row]}
        />
        <div class="hd">
          <span>show</span>
          <label class="chk">
            <input type="checkbox" checked={bare} onChange={(event) => setBare(event.currentTarget.checked)} />
            what the model sees
          </label>
        </div>
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
          curve={curve}
          valueText={`${counted(count, thing)} shown`}
          onInput={(next) => store.show({ threshold: next })}
        />
        <span class="rd">
          <span class="q">≥ {fixed(threshold * end, decimals)}</span> <b>{heat ? whole(count) : UNKNOWN}</b>
          <span class="q">{"\u00a0seen"}</span>
        </span>
        <Dials store={store} layout={layout} tools={<ToolChoice tool={tool} setTool={setTool} />}>
          <BrushWidth {...{ layout, tool, setTool }} />
        </Dials>
        <Readout {...{ store, geometry, picture, hot }} />
      </div>
    </div>
  );
}

interface CaptionProps {
  store: Store;
  pieces: number;
  bare: boolean;
  cut: boolean;
  tool: Tool;
  taken: boolean;
}

/** Whether somebody may draw with a finger. */
const touched = () => globalThis.matchMedia?.("(any-pointer: coarse)").matches ?? false;

/** Which values are drawn, how many, and how many there would be at other thresholds: known anew only if one of these changes. */
function useSeen(heat: Float32Array | null, errors: Float32Array | null, end: number, threshold: number) {
  const shown = useMemo(() => {
    const seen = (i: number) => {
      const value = heat?.[i] ?? 0;
      return value !== 0 && Math.abs(value) >= threshold * end && !couldBeZero(value, errors?.[i]);
    };
    let count = 0;
    for (let i = 0; i < (heat?.length ?? 0); i++) count += Number(seen(i));
    return { seen, count };
  }, [heat, errors, end, threshold]);
  const curve = useMemo(() => survival(heat, errors, end), [heat, errors, end]);
  return { ...shown, curve };
}

/** What the hand can do here, or what is being tried. */
function Caption({ store, pieces, bare, cut, tool, taken }: CaptionProps) {
  const error = store.sight.value?.message.error;
  const live = store.reachable.value;
  const fingers = taken || !touched() ? "" : " Choose brush or box to draw with one finger.";
  const words = pieces
    ? `${whole(pieces)} pieces would be explained.`
    : error
      ? error
      : bare
        ? "The photo as the model sees it."
        : live
          ? `${cut ? "Click a piece to hide it, drag" : "Drag"} to ${tool.kind === "box" ? "cover a box" : "brush over more"}.${fingers}`
          : "";
  return words ? <p class={`s ${error && !pieces ? "err" : "q"}`}>{words}</p> : null;
}

/** The photo cut as it would be, while that is tried out. */
function useCut(store: Store, photo: Photo | "broken" | null): { photo: Photo; pieces: number } | null {
  const [cut, setCut] = useState<{ photo: Photo; pieces: number; sight: unknown } | null>(null);
  const trial = store.trial.value;
  const sight = store.sight.value;
  const ground = photo && photo !== "broken" ? photo.ground : null;
  useEffect(() => {
    const { message, labels, params } = sight ?? {};
    if (!trial || !params || !ground || !labels || !message || message.error) return;
    const { width = 1, height = 1, n_features: pieces = 0 } = message;
    let wanted = true;
    cutAnew(ground, { width, height, labels, pieces }).then(
      (fresh) => wanted && setCut({ photo: fresh, pieces, sight }),
      () => {},
    );
    return () => {
      wanted = false;
    };
  }, [trial, sight, ground]);
  return trial && cut ? cut : null;
}

/** What the model sees after the present edits, from Python; null while it is not known. */
function useTruth(store: Store, photo: Photo | "broken" | null, bare: boolean): Uint8ClampedArray | null {
  const [known, setKnown] = useState<{ sight: unknown; rgba: Uint8ClampedArray } | null>(null);
  const edits = store.whatif.edits.value;
  const { adjusted, hidden, boxes, strokes } = store.whatif.changes.value;
  const covered = hidden.size > 0 || boxes.length > 0 || strokes.length > 0;
  const wanted = bare ? covered || adjusted.size > 0 : adjusted.size > 0 && !covered;
  const sight = store.sight.value;
  const fits = wanted && sight !== null && !sight.params && same(sight.edits, edits);
  const ground = photo && photo !== "broken" ? photo.ground : null;
  useEffect(() => {
    if (wanted && !fits) store.look(edits);
  }, [store, edits, wanted]);
  useEffect(() => {
    if (!fits || !sight?.image || !sight.message.mime || !ground) return;
    let current = true;
    pixels(sight.image, sight.message.mime, ground.width, ground.height).then(
      (rgba) => current && setKnown({ sight, rgba }),
      () => {},
    );
    return () => {
      current = false;
    };
  }, [fits, sight, ground]);
  return fits && known?.sight === sight ? known.rgba : null;
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
  const map = picture.estimate?.pixels.get(picture.target) ?? [...(picture.estimate?.pixels.values() ?? [])][0];
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
