import { beforeEach, describe, expect, it, vi } from "vitest";
import { readEdits, withEdit } from "../src/edits";
import type { Edit } from "../src/schema.gen";
import { revive } from "../src/standin";
import { createStore, type OwnedStore } from "../src/store";
import { floats, frame, status, table, text } from "./fixtures";

const set = (feature: string, value: number): Edit => ({ op: "set", feature, value });

describe("a log", () => {
  it("comes to each thing once", () => {
    const changes = readEdits([
      set("age", 25),
      set("age", 31),
      { op: "strike", positions: [1, 2] },
      { op: "restore", positions: [2] },
      { op: "replace", position: 1, text: "fine" },
      { op: "hide", pieces: [4, 5] },
      { op: "show", pieces: [4] },
      { op: "adjust", kind: "blur", amount: 2 },
      { op: "adjust", kind: "blur", amount: 0 },
    ]);
    expect([...changes.values]).toEqual([["age", 31]]);
    expect([...changes.struck]).toEqual([]);
    expect([...changes.replaced]).toEqual([[1, "fine"]]);
    expect([...changes.hidden]).toEqual([5]);
    expect(changes.adjusted.size).toBe(0);
  });

  it("counts a drag as one step", () => {
    const once = withEdit([set("debt", 1)], set("age", 25), false);
    expect(withEdit(once, set("age", 26), true)).toEqual([set("debt", 1), set("age", 26)]);
    expect(withEdit(once, set("age", 26), false)).toHaveLength(3);
    expect(withEdit(once, set("debt", 2), true)).toHaveLength(3);
  });
});

let store: OwnedStore;
let port: { write: ReturnType<typeof vi.fn>; send: ReturnType<typeof vi.fn>; post: ReturnType<typeof vi.fn> };
let id = 0;

const receive = (name: "geometry" | "frame" | "status" | "request", value: unknown) =>
  store.receive(name, revive(value));
const previews = () => port.post.mock.calls.map(([message]) => message).filter(({ type }) => type === "preview");
const answer = (number: number, ...predictions: number[]) =>
  store.answer({ type: "preview", id: number, predictions }, []);

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ["setTimeout", "clearTimeout", "requestAnimationFrame", "cancelAnimationFrame", "performance"],
  });
  id = 0;
  port = { write: vi.fn(), send: vi.fn(), post: vi.fn(() => ++id) };
  store = createStore(port as never);
  for (const [name, value] of Object.entries(table())) if (name !== "uid") receive(name as "frame", value);
  store.inSight();
  return () => vi.useRealTimers();
});

const shown = () => store.picture.value.prediction;

describe("a drag", () => {
  it("has at most two messages on their way, and the newest value goes next", () => {
    for (let value = 0; value < 1000; value++) store.whatif.move(set("duration", value));
    expect(previews()).toHaveLength(2);
    answer(1, 0.5, 0.5);
    expect(previews()).toHaveLength(3);
    expect(previews().at(-1).edits).toEqual([set("duration", 999)]);
    answer(3, 0.25, 0.75);
    expect(shown()).toBeCloseTo(0.25);
    expect(store.whatif.edits.value).toEqual([set("duration", 999)]);
  });

  it("is explained on release only, as one step", () => {
    store.whatif.move(set("duration", 30));
    store.whatif.move(set("duration", 31));
    expect(port.write).not.toHaveBeenCalled();
    store.whatif.commit();
    expect(port.write).toHaveBeenCalledExactlyOnceWith("request", { edits: [set("duration", 31)] });
    store.whatif.undo();
    expect(port.write).toHaveBeenLastCalledWith("request", { edits: [] });
    store.whatif.redo();
    expect(port.write).toHaveBeenLastCalledWith("request", { edits: [set("duration", 31)] });
  });

  it("goes on when an answer is lost", () => {
    for (let value = 0; value < 5; value++) store.whatif.move(set("duration", value));
    vi.advanceTimersByTime(5000);
    expect(previews()).toHaveLength(3);
    expect(previews().at(-1).edits).toEqual([set("duration", 4)]);
  });

  it("never shows an answer that is older than one shown before", () => {
    store.whatif.move(set("duration", 1));
    store.whatif.move(set("duration", 2));
    answer(2, 0.2, 0.8);
    answer(1, 0.1, 0.9);
    expect(shown()).toBeCloseTo(0.2);
  });

  it("gives way to the estimate of what it asked for, and to no earlier one", () => {
    store.whatif.move(set("duration", 1));
    answer(1, 0.2, 0.8);
    receive("frame", frame({ run: 1, seq: 9, predictions: floats(0.635, 0.365), n_features: 4 }));
    vi.advanceTimersByTime(200);
    expect(shown()).toBeCloseTo(0.2);
    store.whatif.commit();
    const edits = [set("duration", 1)];
    const original = floats(0.635, 0.365);
    receive("frame", frame({ run: 2, predictions: floats(0.21, 0.79), original, edits, n_features: 4 }));
    vi.advanceTimersByTime(200);
    expect(shown()).toBeCloseTo(0.21);
    expect(store.originally.value?.[0]).toBeCloseTo(0.635);
    expect(store.whatif.foreseen.value).toBeNull();
  });

  it("does not give way to the run of a change before it, nor to a late frame of what was", () => {
    const edited = (run: number, score: number, ...edits: object[]) =>
      frame({ run, predictions: floats(score, 1 - score), original: floats(0.635, 0.365), edits, n_features: 4 });
    store.whatif.change(set("duration", 30));
    receive("frame", frame({ run: 1, seq: 9, predictions: floats(0.635, 0.365), n_features: 4 }));
    answer(1, 0.3, 0.7);
    vi.advanceTimersByTime(200);
    expect(shown()).toBeCloseTo(0.3);
    receive("status", status({ run: 2, state: "running" }));
    vi.advanceTimersByTime(1000);
    store.whatif.change(set("age", 3));
    answer(2, 0.4, 0.6);
    receive("frame", edited(2, 0.3, set("duration", 30)));
    vi.advanceTimersByTime(200);
    expect(shown()).toBeCloseTo(0.4);
    // a key that is held: the change before it has not begun when the next one is made
    receive("frame", edited(3, 0.35, set("duration", 30)));
    vi.advanceTimersByTime(200);
    expect(shown()).toBeCloseTo(0.4);
    receive("status", status({ run: 4, state: "running" }));
    receive("frame", edited(4, 0.41, set("duration", 30), set("age", 3)));
    vi.advanceTimersByTime(200);
    expect(shown()).toBeCloseTo(0.41);
    expect(store.whatif.foreseen.value).toBeNull();
  });

  it("is answered although its run has begun", () => {
    store.whatif.change(set("duration", 30));
    receive("status", status({ run: 2, state: "running" }));
    answer(1, 0.3, 0.7);
    expect(shown()).toBeCloseTo(0.3);
  });

  it("says why the model did not answer", () => {
    store.whatif.move(set("duration", 1));
    store.answer({ type: "preview", id: 1, error: "duration must not be negative" }, []);
    expect(store.whatif.refused.value).toBe("duration must not be negative");
  });
});

it("edits from Python stand on the screen, but never under a moving hand", () => {
  receive("request", { edits: [set("duration", 12)] });
  expect(store.whatif.changes.value.values.get("duration")).toBe(12);
  store.whatif.move(set("duration", 13));
  receive("request", { edits: [] });
  expect(store.whatif.edits.value).not.toHaveLength(0);
});

it("without a kernel nothing is asked, and letting go takes the change back", () => {
  store.setLink("saved");
  store.whatif.move(set("duration", 13));
  store.whatif.commit();
  expect(store.whatif.edits.value).toEqual([]);
  expect(port.write).not.toHaveBeenCalled();
});

it("values of an edited text stand at their words' own numbers", () => {
  const review = text(
    "dull so long",
    [
      [0, 4],
      [5, 7],
      [8, 12],
    ],
    [0.1, 0.2, 0.3],
  );
  store = createStore(port as never);
  for (const [name, value] of Object.entries(review)) if (name !== "uid") receive(name as "frame", value);
  store.inSight();
  const edited = { ...(review.frame as object), run: 2, n_features: 3, ids: [1, 2, 3] };
  receive("frame", { ...edited, values: floats(0.5, 0.6, 0.7, -0.5, -0.6, -0.7), std_errors: undefined });
  vi.advanceTimersByTime(200);
  expect([...(store.picture.value.values ?? [])].map((value) => Math.round(10 * value))).toEqual([0, 5, 6, 7]);
  expect([...(store.picture.value.estimate?.absent ?? [])]).toEqual([0]);
  // of two that were inserted the first was struck
  receive("frame", {
    ...edited,
    run: 3,
    n_features: 2,
    ids: [1, 4],
    values: floats(0.5, 0.7, 0, 0),
    std_errors: undefined,
  });
  vi.advanceTimersByTime(200);
  expect([...(store.picture.value.estimate?.absent ?? [])]).toEqual([0, 2, 3]);
});

const asked = () => port.write.mock.calls.map(([, request]) => request.edits as Edit[]);

describe("steps", () => {
  it("of one thing less than 0.8 s apart are one, later or after Undo they are another", () => {
    store.whatif.change(set("duration", 30));
    vi.advanceTimersByTime(700);
    store.whatif.change(set("duration", 31));
    expect(store.whatif.edits.value).toEqual([set("duration", 31)]);
    vi.advanceTimersByTime(900);
    store.whatif.change(set("duration", 32));
    expect(store.whatif.edits.value).toHaveLength(2);
    store.whatif.undo();
    store.whatif.change(set("duration", 33));
    expect(store.whatif.edits.value).toEqual([set("duration", 31), set("duration", 33)]);
  });

  it("that were undone are gone once something else is done: by a drag, a click, or Python", () => {
    const undone = () => {
      store.whatif.change(set("duration", 30));
      store.whatif.undo();
      expect(store.whatif.canRedo.value).toBe(true);
    };
    undone();
    store.whatif.move(set("age", 3));
    expect(store.whatif.canRedo.value).toBe(false);
    store.whatif.commit();
    undone();
    store.whatif.change(set("age", 4));
    expect(store.whatif.canRedo.value).toBe(false);
    undone();
    receive("request", { edits: [set("age", 5)] });
    expect(store.whatif.canRedo.value).toBe(false);
    store.whatif.redo();
    expect(store.whatif.edits.value).toEqual([set("age", 5)]);
  });

  it("back and forth ask for the prediction at once", () => {
    store.whatif.change(set("duration", 30));
    answer(1, 0.2, 0.8);
    store.whatif.undo();
    expect(previews().at(-1).edits).toEqual([]);
    answer(2, 0.635, 0.365);
    store.whatif.redo();
    expect(previews().at(-1).edits).toEqual([set("duration", 30)]);
    answer(3, 0.2, 0.8);
    store.whatif.reset();
    expect(previews().at(-1).edits).toEqual([]);
    expect(asked()).toEqual([[set("duration", 30)], [], [set("duration", 30)], []]);
  });
});

describe("two hands", () => {
  it("what Python changes under a drag stays, with what is dragged on top", () => {
    store.whatif.change(set("debt", 1));
    vi.advanceTimersByTime(1000);
    store.whatif.move(set("duration", 30));
    receive("request", { edits: [set("debt", 1), set("age", 50)] });
    expect(store.whatif.edits.value).toEqual([set("debt", 1), set("age", 50), set("duration", 30)]);
    store.whatif.move(set("duration", 31));
    store.whatif.commit();
    expect(asked().at(-1)).toEqual([set("debt", 1), set("age", 50), set("duration", 31)]);
  });

  it("what Python takes back is not brought back by letting go", () => {
    store.whatif.change(set("debt", 1));
    vi.advanceTimersByTime(1000);
    store.whatif.move(set("duration", 30));
    receive("request", { edits: [] });
    store.whatif.commit();
    expect(asked().at(-1)).toEqual([set("duration", 30)]);
  });

  it("an answer to a drag that was taken back is nobody's, and Python hears what stands", () => {
    store.whatif.move(set("duration", 30));
    store.whatif.move(set("duration", 31));
    store.whatif.cancel();
    expect(previews().at(-1).edits).toEqual([]);
    answer(1, 0.1, 0.9);
    answer(2, 0.2, 0.8);
    answer(3, 0.3, 0.7);
    expect(shown()).toBeCloseTo(0.635);
    expect(store.whatif.foreseen.value).toBeNull();
  });
});

it("an answer that is older than what waits to be asked is not shown", () => {
  for (let value = 0; value < 5; value++) store.whatif.move(set("duration", value));
  answer(1, 0.1, 0.9);
  expect(store.whatif.foreseen.value).toBeNull();
  answer(3, 0.3, 0.7);
  expect(shown()).toBeCloseTo(0.3);
});

it("nothing is said of what was, where the number shown is not of what is on the screen", () => {
  store.whatif.change(set("duration", 30));
  expect(store.originally.value).toBeNull();
  answer(1, 0.3, 0.7);
  expect(store.originally.value?.[0]).toBeCloseTo(0.635);
  vi.advanceTimersByTime(1000);
  store.whatif.change(set("duration", -1));
  expect(store.originally.value?.[0]).toBeCloseTo(0.635);
  store.answer({ type: "preview", id, error: "duration must not be negative" }, []);
  expect(store.originally.value).toBeNull();
  store.whatif.undo();
  answer(id, 0.3, 0.7);
  expect(store.originally.value?.[0]).toBeCloseTo(0.635);
});

it("why the model did not answer is no longer said once the change is taken back, or explained after all", () => {
  const refuse = () => {
    store.whatif.change(set("duration", -1));
    store.answer({ type: "preview", id, error: "duration must not be negative" }, []);
    expect(store.whatif.refused.value).not.toBe("");
  };
  refuse();
  receive("request", { edits: [] });
  expect(store.whatif.refused.value).toBe("");
  refuse();
  const edits = [set("duration", -1)];
  const original = floats(0.635, 0.365);
  receive("frame", frame({ run: 2, predictions: floats(0.2, 0.8), original, edits, n_features: 4 }));
  vi.advanceTimersByTime(200);
  expect(store.whatif.refused.value).toBe("");
});

describe("the scale of the original", () => {
  const weights = (run: number, factor: number, patch: Record<string, unknown> = {}) => {
    const values = [0.156, -0.129, 0.134, 0.012].map((value) => factor * value);
    receive("frame", {
      ...(table().frame as object),
      run,
      original: floats(0.635, 0.365),
      values: floats(...values, ...values.map((value) => -value)),
      std_errors: undefined,
      ...patch,
    });
    vi.advanceTimersByTime(200);
    return store.picture.value.end;
  };

  it("stays after an edit, however large or small the weights become", () => {
    const end = store.picture.value.end;
    expect(end).toBe(0.2);
    store.whatif.change(set("duration", 5));
    expect(weights(2, 10)).toBe(end);
    expect(weights(3, 0.01)).toBe(end);
    expect(weights(4, 3, { original: undefined })).toBe(0.5);
  });

  it("is not that of a first, wild estimate: only a whole one is kept", () => {
    receive("request", { params: { fill: 1 } });
    expect(weights(2, 0.1, { original: undefined, state: "running" })).toBe(0.02);
    store.whatif.change(set("duration", 5));
    expect(weights(3, 1)).toBe(0.2);
    expect(weights(4, 2)).toBe(0.4);
    // taken back the original's is found, without a jump at the first frames
    expect(weights(5, 0.01, { original: undefined, state: "running" })).toBe(0.4);
    expect(weights(5, 1, { original: undefined, seq: 2 })).toBe(0.4);
    store.whatif.change(set("duration", 6));
    expect(weights(6, 9)).toBe(0.4);
    // its large weights stay on the screen until the original's come again: they move nothing
    store.whatif.undo();
    const opening = { values: undefined, state: "running", n_evals: 0, original: undefined };
    expect(weights(7, 1, opening)).toBe(0.4);
    expect(store.picture.value.estimate?.carried).toBe(true);
  });

  it("is another one's for another method or setting; then the edited instance has its own", () => {
    expect(store.picture.value.end).toBe(0.2);
    store.whatif.change(set("duration", 5));
    expect(weights(2, 10, { method: "lime" })).toBe(2);
    expect(weights(3, 20, { method: "lime" })).toBe(4);
    receive("request", { edits: [set("duration", 5)], params: { n_samples: 9 } });
    expect(weights(4, 0.9, { method: "lime", state: "running" })).toBe(4);
    receive("request", { edits: [set("duration", 5)], params: { kernel_width: 2 } });
    expect(weights(5, 0.9, { method: "lime" })).toBe(0.15);
  });

  it("holds for maps of pixels too", () => {
    const map = (run: number, scale: number, patch = {}) => {
      const data = { $b64: Buffer.from(Int8Array.of(127, -64, 0, 1).buffer).toString("base64") };
      receive("frame", {
        ...frame({ run, n_features: 4, predictions: floats(0.6, 0.4) }),
        pixels: { target: 0, width: 2, height: 2, scale, exact: false, data },
        ...patch,
      });
      vi.advanceTimersByTime(200);
      return store.picture.value.end;
    };
    expect(map(2, 0.2)).toBe(0.2);
    store.whatif.change({ op: "occlude", box: [0, 0, 1, 1] });
    expect(map(3, 0.9, { original: floats(0.6, 0.4) })).toBe(0.2);
  });
});
