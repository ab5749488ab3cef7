/** Share of the time that painting may take: one third. */
const BREATHING = 3;

/**
 * Streamed frames are painted at most once per animation frame and at most 20 times a second; less often where one
 * paint takes long (a text of thousands of words), so that the page stays free for its reader.
 */
export class Pacer {
  #last = Number.NEGATIVE_INFINITY;
  #frame: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #measure: ReturnType<typeof setTimeout> | undefined;
  #cost = 0;

  constructor(
    private readonly paint: () => void,
    private readonly interval = 50,
  ) {}

  /** Paints soon; several requests before that are one. */
  request(): void {
    if (this.#frame !== undefined || this.#timer !== undefined) return;
    const wait = this.#last + Math.max(this.interval, BREATHING * this.#cost) - performance.now();
    if (wait > 0) {
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        this.#nextFrame();
      }, wait);
    } else this.#nextFrame();
  }

  cancel(): void {
    if (this.#frame !== undefined) cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
    clearTimeout(this.#measure);
    this.#frame = this.#timer = undefined;
  }

  #nextFrame(): void {
    this.#frame = requestAnimationFrame(() => {
      this.#frame = undefined;
      this.#last = performance.now();
      this.paint();
      // what the paint sets off (rendering, layout) is over when the next task runs
      clearTimeout(this.#measure);
      this.#measure = setTimeout(() => {
        this.#cost = performance.now() - this.#last;
      });
    });
  }
}
