/** The pieces of a photo by weight: for keyboard and screen reader, as numbers on the photo, as one reading. */
import { useRef, useState } from "preact/hooks";
import { OWN_KEYS } from "../components/keys";
import { signed } from "../format";
import type { Photo } from "../photo";
import { byWeight } from "../ranking";
import type { Geometry } from "../schema.gen";
import type { Picture, Store } from "../store";
import { placeAt, reading } from "../words";
import { Alone } from "./alone";
import { togglePiece } from "./canvas";

const NUMBERED = 5;

interface NumbersProps {
  photo: Photo;
  values: Float32Array;
  seen: (index: number) => boolean;
  decimals: number;
}

/** Width and height of a number, as shares of the photo, with some air around it. */
const [ROOM_X, ROOM_Y] = [0.17, 0.06];

/** The largest pieces carry their number, unless it would lie on that of a larger one. */
export function Numbers({ photo, values, seen, decimals }: NumbersProps) {
  const taken: (readonly [number, number])[] = [];
  const largest = byWeight(values)
    .filter(seen)
    .slice(0, NUMBERED)
    .filter((piece) => {
      const [x, y] = photo.middles[piece] ?? [0.5, 0.5];
      const free = taken.every(([left, top]) => Math.abs(left - x) >= ROOM_X || Math.abs(top - y) >= ROOM_Y);
      if (free) taken.push([x, y]);
      return free;
    });
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
  store: Store;
  geometry: Geometry;
  picture: Picture;
  hot: number;
  setHot: (piece: number) => void;
  /** Middle of each piece, as shares of width and height. */
  middles: readonly (readonly [number, number])[];
}

/** Arrows go from piece to piece by weight, Space hides or brings back; the canvas shows which one is chosen. */
export function Pieces({ store, geometry, picture, hot, setHot, middles }: PiecesProps) {
  const where = (piece: number) => (middles[piece] ? `, ${placeAt(...middles[piece])}` : "");
  const { order, values, errors, end } = picture;
  const { hidden } = store.whatif.changes.value;
  const live = store.reachable.value;
  const [at, setAt] = useState(0);
  const id = useRef(`jx-${Math.random().toString(36).slice(2)}`).current;
  const step = (event: KeyboardEvent) => {
    if (event.key === " " && live) {
      event.preventDefault();
      togglePiece(store, order[at] ?? -1);
      return;
    }
    const moves: Record<string, number> = {
      ArrowDown: at + 1,
      ArrowRight: at + 1,
      ArrowUp: at - 1,
      ArrowLeft: at - 1,
      Home: 0,
      End: order.length - 1,
    };
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
      aria-label={`Pieces by contribution${live ? "; Space hides one" : ""}`}
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
          aria-label={`piece ${piece + 1}${where(piece)}, ${
            hidden.has(piece) ? "hidden" : reading(values?.[piece] ?? 0, errors?.[piece], geometry.output_unit, end)
          }`}
        />
      ))}
    </div>
  );
}

interface ReadoutProps {
  store: Store;
  geometry: Geometry;
  picture: Picture;
  hot: number;
}

/** The numbers of the piece that is pointed at, else of the largest. */
export function Readout({ store, geometry, picture, hot }: ReadoutProps) {
  const { values, errors, end } = picture;
  // not the first in order: while an estimate streams, rows keep their places
  const piece = hot >= 0 ? hot : byWeight(values ?? [])[0];
  const value = piece === undefined ? undefined : values?.[piece];
  if (piece === undefined || value === undefined) return null;
  const [number, ...rest] = reading(value, errors?.[piece], geometry.output_unit, end).split(" ");
  const hidden = store.whatif.changes.value.hidden.has(piece);
  return (
    <div class="rdo">
      <span class="q">
        {hot >= 0 ? "" : "largest: "}piece {piece + 1}
      </span>{" "}
      {hidden ? (
        <span class="q">hidden</span>
      ) : (
        <>
          <b class={value < 0 ? "neg" : "pos"}>{number?.replace(/,$/, "")}</b> <span class="q">{rest.join(" ")}</span>
          <Alone store={store} feature={piece} verb="hidden" />
        </>
      )}
    </div>
  );
}
