/** What every view has around it: Esc stops, and a mistake of ours does not leave a blank cell. */

import { Component, type ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
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
