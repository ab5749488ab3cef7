/** Streamed frames are painted at most once per animation frame and at most 20 times a second. */
export class Pacer {
  #last = Number.NEGATIVE_INFINITY;
  #frame: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly paint: () => void,
    private readonly interval = 50,
  ) {}

  /** Paints soon; several requests before that are one. */
  request(): void {
    if (this.#frame !== undefined || this.#timer !== undefined) return;
    const wait = this.#last + this.interval - performance.now();
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
    this.#frame = this.#timer = undefined;
  }

  #nextFrame(): void {
    this.#frame = requestAnimationFrame(() => {
      this.#frame = undefined;
      this.#last = performance.now();
      this.paint();
    });
  }
}
