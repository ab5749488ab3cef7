/**
 * Who acts by keyboard keeps the place when the control that had the focus goes away: a run ends and Stop with it, a
 * change is tried and the sentence offers another. Left to itself the focus falls to the page, where a notebook takes
 * the next letter for a command of its own.
 */
const CONTROLS = "button, input, select, summary, [tabindex]";

const able = (element: HTMLElement) => element.isConnected && !(element as HTMLButtonElement).disabled;

const usable = (element: HTMLElement) =>
  element.tabIndex >= 0 && able(element) && (element.checkVisibility?.() ?? true);

/** Listens until the returned function is called. */
export function keepFocus(root: HTMLElement): () => void {
  /** What had the focus last, and all it lies in. */
  let held: HTMLElement[] = [];
  let byPointer = false;

  const focused = () => {
    const at = (root.getRootNode() as Document | ShadowRoot).activeElement;
    return at === document.body ? null : at;
  };
  const onFocusIn = ({ target }: Event) => {
    held = [];
    for (let at = target as HTMLElement | null; at && root.contains(at); at = at.parentElement) held.push(at);
  };
  const onFocusOut = ({ relatedTarget }: FocusEvent) => {
    const left = held;
    if (relatedTarget) held = [];
    // what is taken away is blurred as well, and looked after before this
    else setTimeout(() => held === left && !focused() && onFocusIn({ target: null } as Event));
  };
  const onAct = ({ type }: Event) => {
    byPointer = type === "pointerdown";
  };

  const look = (changes: MutationRecord[]) => {
    const [lost, ...around] = held;
    const now = focused();
    if (!lost || byPointer || (now && now !== lost) || (now === lost && able(lost))) return;
    // what was only moved has it again; what somebody left of their own will has not
    const moved = () => changes.some(({ addedNodes }) => [...addedNodes].some((each) => each.contains(lost)));
    const next = !able(lost) ? nextTo(lost, around) : moved() ? lost : undefined;
    next?.focus({ preventScroll: true });
  };

  /** The nearest control: in the smallest part of the view that is left of what lay around it. */
  const nextTo = (lost: HTMLElement, around: HTMLElement[]): HTMLElement | undefined => {
    const left = around.filter((each) => root.contains(each));
    // what was tried can be taken back
    if (left[0]?.closest(".jx-say")) left.unshift(...root.querySelectorAll<HTMLElement>(".jx-hands"));
    for (const part of left) {
      const there = [...part.querySelectorAll<HTMLElement>(CONTROLS)].filter((each) => each !== lost && usable(each));
      const from = lost.isConnected ? lost : left[0];
      const after = there.find(
        (each) => (from as Node).compareDocumentPosition(each) & Node.DOCUMENT_POSITION_FOLLOWING,
      );
      const found = after ?? there.at(-1);
      if (found) return found;
    }
    return undefined;
  };

  const observer = new MutationObserver(look);
  observer.observe(root, { subtree: true, childList: true, attributes: true, attributeFilter: ["disabled"] });
  const listeners = { focusin: onFocusIn, focusout: onFocusOut, keydown: onAct, pointerdown: onAct };
  for (const [name, listener] of Object.entries(listeners))
    root.addEventListener(name, listener as EventListener, true);
  return () => {
    observer.disconnect();
    for (const [name, listener] of Object.entries(listeners))
      root.removeEventListener(name, listener as EventListener, true);
  };
}
