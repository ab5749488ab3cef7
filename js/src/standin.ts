/**
 * A stand-in for anywidget's model, for pages without a kernel: `mount(element, state)`.
 *
 * `state` is plain JSON: `{geometry, frame, curves, status, display, request, uid}`, each as Python writes the trait of
 * that name, where a buffer is `{"$b64": "<standard base64>"}`. Fields may be absent. With `{live: true}` the view
 * behaves as if a kernel listened (for demonstrations and tests); messages then go nowhere.
 */
import type { Mount, MountOptions } from "./module";
import type { Model } from "./sync";

export type PlainState = Record<string, unknown>;

/** Base64 leaves become the DataViews that a widget would have received. */
export function revive(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(revive);
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
  const packed = (value as { $b64?: unknown }).$b64;
  if (typeof packed === "string") {
    const binary = atob(packed);
    const raw = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    return new DataView(raw.buffer);
  }
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, revive(inner)]));
}

type Callback = (...args: never[]) => void;

export class StandIn implements Model {
  readonly saved: boolean;
  readonly sent: unknown[] = [];
  readonly row: Mount | undefined;
  readonly #state: PlainState;
  readonly #listeners = new Map<string, Set<Callback>>();

  constructor(state: PlainState, { live = false, row }: MountOptions = {}) {
    this.saved = !live;
    this.row = row;
    this.#state = revive(state) as PlainState;
  }

  get(name: string): unknown {
    return this.#state[name];
  }

  set(name: string, value: unknown): void {
    if (this.#state[name] === value) return;
    this.#state[name] = value;
    this.emit(`change:${name}`);
  }

  save_changes(): void {}

  send(content: unknown): void {
    this.sent.push(content);
  }

  on(name: string, callback: Callback): void {
    const known = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, known.add(callback));
  }

  off(name: string, callback: Callback): void {
    this.#listeners.get(name)?.delete(callback);
  }

  emit(name: string, ...args: unknown[]): void {
    for (const callback of [...(this.#listeners.get(name) ?? [])]) (callback as (...args: unknown[]) => void)(...args);
  }

  get listeners(): number {
    return [...this.#listeners.values()].reduce((sum, known) => sum + known.size, 0);
  }
}
