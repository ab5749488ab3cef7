/** Parts of a long text: those out of sight are drawn anew a little later, so that what is seen follows at once. */
import { Component, type ComponentChildren, createRef } from "preact";

/** Words in a part: some ten lines. */
export const STRETCH = 100;
/** A text of more words than these is drawn in parts. */
export const LONG = 400;
/** Drawn at once: what is seen, and this much above and below it. */
const MARGIN = "100px";
/** Parts out of sight wait until nothing has changed for this many ms, and take their turns then. */
const WAIT_MS = 60;
const TURN_MS = 16;

/** Which parts of one text are seen, and which of the others are behind. */
export class Sight {
  private observer: IntersectionObserver | undefined;
  private readonly parts = new Map<Element, Stretch>();
  private readonly behind = new Set<Stretch>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  watch(part: Stretch, element: Element | null) {
    if (!element || typeof IntersectionObserver === "undefined") return;
    this.parts.set(element, part);
    this.observer ??= new IntersectionObserver(
      (found) => {
        for (const { target, isIntersecting } of found) {
          const one = this.parts.get(target);
          if (!one) continue;
          one.seen = isIntersecting;
          if (isIntersecting && this.behind.has(one)) this.catchUp(one);
        }
      },
      { root: element.parentElement, rootMargin: MARGIN },
    );
    this.observer.observe(element);
  }

  leave(part: Stretch, element: Element | null) {
    this.behind.delete(part);
    if (!element) return;
    this.parts.delete(element);
    this.observer?.unobserve(element);
  }

  /** Draws a part later; it is up to date before it is seen. */
  later(part: Stretch) {
    this.behind.add(part);
    clearTimeout(this.timer);
    this.timer = setTimeout(this.turn, WAIT_MS);
  }

  end() {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.behind.clear();
    this.observer?.disconnect();
    this.observer = undefined;
  }

  private readonly turn = () => {
    this.timer = undefined;
    const [first] = this.behind;
    if (first) this.catchUp(first);
    if (this.behind.size > 0) this.timer = setTimeout(this.turn, TURN_MS);
  };

  private catchUp(part: Stretch) {
    this.behind.delete(part);
    part.forceUpdate();
  }
}

interface Props {
  sight: Sight;
  draw: () => ComponentChildren;
}

export class Stretch extends Component<Props> {
  /** Until it is known to be out of sight. */
  seen = true;
  private readonly element = createRef<HTMLSpanElement>();

  override componentDidMount() {
    this.props.sight.watch(this, this.element.current);
  }

  override componentWillUnmount() {
    this.props.sight.leave(this, this.element.current);
  }

  override shouldComponentUpdate(next: Props): boolean {
    if (!this.seen) next.sight.later(this);
    return this.seen;
  }

  override render({ draw }: Props) {
    return <span ref={this.element}>{draw()}</span>;
  }
}
