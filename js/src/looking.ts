/** Pictures asked of Python: what the model sees after edits, and how another cut would look. */
import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Binary } from "./decode";
import type { Edit, Request, ToBrowser } from "./schema.gen";

type Params = NonNullable<Request["params"]>;

/** What the model would see: an image, and the pieces it is cut into. */
export interface Sight {
  message: ToBrowser;
  /** What it was asked for. */
  edits: readonly Edit[];
  params: Params | undefined;
  image: Binary | undefined;
  labels: Binary | undefined;
}

export interface Looking {
  /** The newest answer to `look`. */
  readonly sight: ReadonlySignal<Sight | null>;
  /** Parameters of the cut that is being tried, before anything is explained with them. */
  readonly trial: ReadonlySignal<Params | null>;
  /** Asks for the image that the model sees after these edits, cut with these parameters. */
  look(edits: readonly Edit[], params?: Params): void;
  /** Tries a cut; null ends that. */
  tryCut(params: Params | null): void;
}

export interface OwnedLooking extends Looking {
  answered(message: ToBrowser, buffers: Binary[]): void;
}

interface Wish {
  edits: readonly Edit[];
  params: Params | undefined;
}

/** A message may be lost: after this another one is sent. */
const LOST_AFTER_MS = 3000;

/** `post` returns the message's id, 0 if it cannot be sent. One picture at a time, the newest wish next. */
export function createLooking(post: (wish: { edits: Edit[]; params?: Params }) => number): OwnedLooking {
  const sight: Signal<Sight | null> = signal(null);
  const trial: Signal<Params | null> = signal(null);
  let asked: (Wish & { id: number; at: number }) | null = null;
  let next: Wish | null = null;

  function ask(wish: Wish): void {
    if (asked && performance.now() - asked.at < LOST_AFTER_MS) {
      next = wish;
      return;
    }
    const { edits, params } = wish;
    const id = post({ edits: [...edits], ...(params ? { params } : {}) });
    asked = id ? { ...wish, id, at: performance.now() } : null;
  }

  return {
    sight,
    trial,
    look: (edits, params) => ask({ edits, params }),
    tryCut(params) {
      trial.value = params;
      if (params) ask({ edits: [], params });
    },
    answered(message, [image, labels]) {
      if (!asked || message.id < asked.id) return;
      const { edits, params } = asked;
      const wish = next;
      asked = next = null;
      sight.value = { message, edits, params, image, labels };
      if (wish) ask(wish);
    },
  };
}
