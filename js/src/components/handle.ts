/** What a pointer does on a picture: points, clicks, or draws a box. */
import { useRef } from "preact/hooks";

export interface Spot {
  /** Shares of width and height, 0 to 1. */
  x: number;
  y: number;
}

interface Gestures {
  onPoint: (spot: Spot | null) => void;
  onClick: (spot: Spot) => void;
  /** From where the pointer went down to where it is. */
  onDraw: (from: Spot, to: Spot) => void;
  onDrawn: () => void;
  onCancel: () => void;
}

/** A hand that moves less than this, in CSS pixels, has clicked. */
const STILL = 5;

const share = (value: number) => Math.max(0, Math.min(1, value));

function spotOf(event: PointerEvent): Spot {
  const box = (event.currentTarget as Element).getBoundingClientRect();
  return { x: share((event.clientX - box.left) / box.width), y: share((event.clientY - box.top) / box.height) };
}

/** Listeners of a canvas. With `live` false the pointer only points. */
export function useGestures(live: boolean, gestures: Gestures) {
  const down = useRef<{ spot: Spot; x: number; y: number; drawing: boolean } | null>(null);
  const cancel = () => {
    if (down.current?.drawing) gestures.onCancel();
    down.current = null;
  };
  return {
    onPointerDown(event: PointerEvent) {
      // a second finger scrolls or zooms: what the first began is taken back
      if (down.current) {
        cancel();
        return;
      }
      gestures.onPoint(spotOf(event));
      if (!live || event.button !== 0) return;
      down.current = { spot: spotOf(event), x: event.clientX, y: event.clientY, drawing: false };
      (event.currentTarget as Element).setPointerCapture?.(event.pointerId);
    },
    onPointerMove(event: PointerEvent) {
      const from = down.current;
      if (!from) {
        gestures.onPoint(spotOf(event));
        return;
      }
      from.drawing ||= Math.hypot(event.clientX - from.x, event.clientY - from.y) >= STILL;
      if (!from.drawing) return;
      gestures.onDraw(from.spot, spotOf(event));
    },
    onPointerUp(event: PointerEvent) {
      const from = down.current;
      down.current = null;
      if (from?.drawing) gestures.onDrawn();
      else if (from) gestures.onClick(spotOf(event));
    },
    onPointerCancel: cancel,
    onPointerLeave() {
      gestures.onPoint(null);
    },
  };
}
