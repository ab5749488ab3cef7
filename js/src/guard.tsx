/** What every view has around it: Esc stops, and a mistake of ours does not leave a blank cell. */

import { effect } from "@preact/signals";
import { Component, type ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { OWN_KEYS } from "./components/keys";
import { Message } from "./controls/message";
import { keepFocus } from "./keeping";
import type { Store } from "./store";

/** What takes Enter and Space by itself keeps them from the notebook. */
function keepKeys(event: Event): void {
  const element = event.target as Element;
  if (!element.matches("button, summary, select")) return;
  for (const [name, value] of Object.entries(OWN_KEYS)) element.setAttribute(name, value);
}

/** Esc anywhere in the view is Stop. */
export function useEscape(root: HTMLElement, store: Store): void {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key !== "Escape" || store.status.peek()?.state !== "running") return;
      event.stopPropagation();
      store.send("stop");
    };
    root.addEventListener("keydown", onKeyDown);
    root.addEventListener("focusin", keepKeys);
    const stopKeeping = keepFocus(root);
    return () => {
      stopKeeping();
      root.removeEventListener("keydown", onKeyDown);
      root.removeEventListener("focusin", keepKeys);
    };
  }, [root, store]);
}

interface AboveProps {
  store: Store;
  root: HTMLElement;
  children: ComponentChildren;
}

/** What stands above the picture: while a hand is at the picture this gets no lower, whatever a run takes away for a
 * moment, so that the row, word or piece in hand stays where it is. */
export function Above({ store, root, children }: AboveProps) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    let pointed = false;
    let moving = false;
    const keep = () => {
      const { current: above } = place;
      if (above) above.style.minHeight = pointed || moving ? `${above.offsetHeight}px` : "";
    };
    const point = ({ type, target }: Event) => {
      const now = type === "pointerover" && !place.current?.contains(target as Node);
      if (now === pointed) return;
      pointed = now;
      keep();
    };
    root.addEventListener("pointerover", point);
    root.addEventListener("pointerleave", point);
    // told before anything is drawn anew
    const stop = effect(() => {
      void store.status.value?.state;
      root.toggleAttribute("data-carried", store.picture.value.estimate?.carried ?? false);
      moving = store.whatif.moving.value || store.whatif.foreseen.value !== null;
      keep();
    });
    return () => {
      stop();
      root.removeEventListener("pointerover", point);
      root.removeEventListener("pointerleave", point);
    };
  }, [root, store]);
  return (
    <div class="jx-up" ref={place}>
      {children}
    </div>
  );
}

interface GuardProps {
  onBroken: (error: unknown) => void;
  children: ComponentChildren;
}

/** A mistake of ours must not leave a blank cell. */
export class Guard extends Component<GuardProps, { broken: boolean }> {
  override state = { broken: false };

  override componentDidCatch(error: unknown): void {
    this.setState({ broken: true });
    this.props.onBroken(error);
  }

  override render() {
    if (!this.state.broken) return this.props.children;
    return (
      <Message kind="error">
        <p>This view could not be drawn; the explanation itself is unharmed. Run the cell again to see it.</p>
      </Message>
    );
  }
}
