import { beforeEach, describe, expect, it, vi } from "vitest";
import { revive } from "../src/standin";
import { createStore, type OwnedStore } from "../src/store";
import { floats, frame, type Plain, status, table } from "./fixtures";

const values = (...of: number[]) => floats(...of, ...of.map((value) => -value));
const errors = floats(0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01);

function next(patch: Record<string, unknown>): unknown {
  const base = table().frame as Record<string, unknown>;
  return revive({ ...base, std_errors: errors, ...patch });
}

let store: OwnedStore;
let port: { write: ReturnType<typeof vi.fn>; send: ReturnType<typeof vi.fn> };

function fill(state: Plain): void {
  for (const name of ["geometry", "status", "display", "request", "frame"] as const)
    store.receive(name, revive(state[name]));
}

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ["setTimeout", "clearTimeout", "requestAnimationFrame", "cancelAnimationFrame", "performance"],
  });
  port = { write: vi.fn(), send: vi.fn() };
  store = createStore(port as never);
  return () => vi.useRealTimers();
});

const shown = () => store.picture.value.estimate?.seq;
const settle = () => vi.advanceTimersByTime(200);

describe("frames", () => {
  it("are dropped when stale, by run and then by sequence", () => {
    fill(table({}, { seq: 3 }));
    store.inSight();
    store.receive("frame", next({ seq: 2 }));
    settle();
    expect(shown()).toBe(3);
    store.receive("frame", next({ seq: 4 }));
    settle();
    expect(shown()).toBe(4);
    store.receive("frame", next({ run: 2, seq: 1 }));
    settle();
    expect(store.picture.value.estimate?.run).toBe(2);
    store.receive("frame", next({ run: 1, seq: 99 }));
    settle();
    expect(store.picture.value.estimate?.run).toBe(2);
  });

  it("are painted at most 20 times a second, and the last one always is", () => {
    fill(table());
    store.inSight();
    const painted = new Set<number | undefined>();
    for (let seq = 2; seq <= 1001; seq++) {
      store.receive("frame", next({ seq }));
      vi.advanceTimersByTime(1);
      painted.add(shown());
    }
    settle();
    expect(shown()).toBe(1001);
    expect(painted.size).toBeLessThanOrEqual(21);
    expect(painted.size).toBeGreaterThan(10);
  });

  it("are not painted out of sight, and catch up on return", () => {
    fill(table());
    const leave = store.inSight();
    leave();
    store.receive("frame", next({ seq: 5, state: "running" }));
    settle();
    expect(shown()).toBe(1);
    store.inSight();
    expect(shown()).toBe(5);
  });

  it("are painted out of sight when they are the last, so that no settled view stands there without numbers", () => {
    fill(table());
    store.receive("frame", next({ seq: 5, state: "running" }));
    store.receive("frame", next({ seq: 6, state: "settled" }));
    settle();
    expect(shown()).toBe(6);
  });

  it("of another input vanish with their layout; an equal layout keeps picture and identity", () => {
    const first = table();
    fill(first);
    store.inSight();
    const before = store.geometry.value?.layout;
    store.receive("geometry", revive({ ...(first.geometry as object), run: 2 }));
    expect(store.geometry.value?.layout).toBe(before);
    expect(shown()).toBe(1);
    const other = structuredClone(first.geometry) as { run: number; layout: { columns: { value: string }[] } };
    other.run = 3;
    (other.layout.columns[0] as { value: string }).value = "no account";
    store.receive("geometry", other);
    expect(store.picture.value.estimate).toBeNull();
    store.receive("frame", next({ run: 2, seq: 9 }));
    settle();
    expect(store.picture.value.estimate).toBeNull();
    store.receive("frame", next({ run: 3, seq: 1 }));
    settle();
    expect(shown()).toBe(1);
  });
});

describe("rows", () => {
  const running = (seq: number, ...of: number[]) => next({ seq, state: "running", values: values(...of) });

  it("keep their place while streaming and are sorted once at the end", () => {
    fill(table({ frame: frame({}) }));
    store.receive("frame", running(2, 0.1, 0.4, 0.2, 0.3));
    store.inSight();
    expect(store.picture.value.order).toEqual([1, 3, 2, 0]);
    store.receive("frame", running(3, 0.5, 0.1, 0.2, 0.3));
    settle();
    expect(store.picture.value.order).toEqual([1, 3, 2, 0]);
    store.receive("frame", next({ seq: 4, state: "settled", values: values(0.5, 0.1, 0.2, 0.3) }));
    settle();
    expect(store.picture.value.order).toEqual([0, 3, 2, 1]);
  });

  it("are sorted when Stop is only said by the status", () => {
    fill(table({ status: status({ state: "running" }) }));
    store.inSight();
    store.receive("frame", running(3, 0.1, 0.4, 0.2, 0.3));
    settle();
    store.receive("status", status({ state: "stopped" }));
    expect(store.picture.value.order).toEqual([1, 3, 2, 0]);
    expect(store.picture.value.streaming).toBe(false);
  });

  it("wait for the pointer to leave", () => {
    fill(table());
    store.inSight();
    const before = store.picture.value.order;
    const release = store.hold();
    store.receive("frame", next({ seq: 4, values: values(0.01, 0.4, 0.2, 0.3) }));
    settle();
    expect(store.picture.value.order).toEqual(before);
    release();
    expect(store.picture.value.order).toEqual([1, 3, 2, 0]);
  });

  it("follow the chosen sort", () => {
    fill(table());
    store.inSight();
    store.show({ sort: "name" });
    expect(store.picture.value.order).toEqual([0, 2, 1, 3]);
    store.show({ sort: "original" });
    expect(store.picture.value.order).toEqual([0, 1, 2, 3]);
  });

  it("stand on a scale that does not shrink while streaming", () => {
    fill(table());
    store.inSight();
    store.receive("frame", running(2, 0.9, 0.4, 0.2, 0.3));
    settle();
    expect(store.picture.value.end).toBe(1);
    store.receive("frame", running(3, 0.2, 0.1, 0.1, 0.1));
    settle();
    expect(store.picture.value.end).toBe(1);
    store.receive("frame", next({ seq: 4, values: values(0.2, 0.1, 0.1, 0.1) }));
    settle();
    expect(store.picture.value.end).toBe(0.25);
  });
});

describe("choosing an output", () => {
  it("that is explained sets the display only", () => {
    fill(table());
    store.inSight();
    store.choose(1);
    expect(port.write.mock.calls).toEqual([["display", { target: 1 }]]);
    expect(store.picture.value.values?.[0]).toBeCloseTo(-0.156);
  });

  it("that is not explained asks for it, and shows no other output's numbers meanwhile", () => {
    fill(table({}, { targets: [0], target_names: ["bad credit"] }));
    store.inSight();
    store.choose(1);
    expect(port.write).toHaveBeenCalledWith("request", { targets: [0, 1] });
    expect(port.write).toHaveBeenCalledWith("display", { target: 1 });
    expect(store.picture.value).toMatchObject({ target: 1, row: -1, values: null });
    expect(store.picture.value.prediction).toBeCloseTo(0.365);
  });

  it("lets the one chosen last give way, never the first, and asks for no function by number", () => {
    const state = table({}, { targets: [4, 3, 2, 1, 0, 9], target_names: ["e", "d", "c", "b", "a", "a function"] });
    (state.geometry as { n_outputs: number }).n_outputs = 9;
    fill(state);
    store.inSight();
    store.choose(7);
    expect(port.write).toHaveBeenCalledWith("request", { targets: [4, 3, 2, 1, 7] });
    fill(table({ geometry: state.geometry }, { seq: 2, targets: [9], target_names: ["a function"] }));
    settle();
    store.choose(1);
    expect(port.write).toHaveBeenCalledWith("request", { targets: [1] });
  });

  it("does nothing without a kernel", () => {
    store = createStore(port as never, "saved");
    fill(table({}, { targets: [0], target_names: ["bad credit"] }));
    store.inSight();
    store.choose(1);
    store.ask({ method: "lime" });
    store.send("stop");
    expect(port.write).not.toHaveBeenCalled();
    expect(port.send).not.toHaveBeenCalled();
  });
});

describe("silence", () => {
  it("is said after a while and taken back by an answer", () => {
    fill(table());
    store.send("more");
    expect(store.asked.value).toBe("more");
    vi.advanceTimersByTime(9000);
    expect(store.link.value).toBe("quiet");
    expect(store.asked.value).toBeNull();
    store.heard();
    expect(store.link.value).toBe("live");
  });

  it("of a run under way is asked about, said if nobody answers, and does not outlive the run", () => {
    fill(table({ status: status({ state: "running" }) }));
    vi.advanceTimersByTime(7000);
    store.receive("status", status({ state: "running", rows: 10 })); // it speaks
    vi.advanceTimersByTime(7000);
    expect(port.send).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1500);
    expect(port.send.mock.calls).toEqual([["ping"]]);
    store.alive(); // a slow batch: somebody is there
    vi.advanceTimersByTime(7000);
    expect(store.link.value).toBe("live");
    vi.advanceTimersByTime(1500);
    expect(port.send).toHaveBeenCalledTimes(2);
    vi.advanceTimersByTime(8500);
    expect(store.link.value).toBe("quiet");
    store.receive("status", status({ state: "settled" }));
    store.heard();
    expect(store.link.value).toBe("live");
    vi.advanceTimersByTime(60_000);
    expect(port.send).toHaveBeenCalledTimes(2);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("is not broken by a sign of life where an answer is due", () => {
    fill(table());
    store.ask({ method: "lime" });
    store.alive();
    vi.advanceTimersByTime(9000);
    expect(store.link.value).toBe("quiet");
  });

  it("Stop is answered by the end of the run, not by its next tick", () => {
    fill(table({ status: status({ state: "running" }) }));
    store.send("stop");
    store.heard();
    store.receive("status", status({ state: "running", rows: 10 }));
    expect(store.asked.value).toBe("stop");
    store.receive("status", status({ state: "stopped" }));
    expect(store.asked.value).toBeNull();
  });
});
