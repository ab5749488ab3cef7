import { afterEach, describe, expect, it, vi } from "vitest";
import entry, { mount } from "../src/index";
import { revive, StandIn } from "../src/standin";
import { measure } from "../src/theme";
import { column, floats, frame, geometry, image, status, table, text } from "./fixtures";
import { mounted, painted, python } from "./mounted";

afterEach(() => {
  document.body.replaceChildren();
  document.body.removeAttribute("style");
});

describe("life of a view", () => {
  it("a hundred mounts leave nothing behind", async () => {
    const model = new StandIn(table() as never, { live: true });
    const observers = { made: 0, gone: 0 };
    for (const kind of [MutationObserver, ResizeObserver, IntersectionObserver]) {
      vi.spyOn(kind.prototype, "observe").mockImplementation(() => {
        observers.made++;
      });
      vi.spyOn(kind.prototype, "disconnect").mockImplementation(() => {
        observers.gone += 1;
      });
    }
    const added = vi.spyOn(EventTarget.prototype, "addEventListener");
    const dispose = entry.initialize({ model });
    const listening = model.listeners;
    for (let i = 0; i < 100; i++) {
      const el = document.createElement("div");
      document.body.append(el);
      const close = entry.render({ model, el });
      close();
      expect(el.childNodes).toHaveLength(0);
      el.remove();
    }
    await painted();
    expect(model.listeners).toBe(listening);
    // a mutation observer is told twice what to observe
    expect(observers.gone).toBeGreaterThanOrEqual(observers.made / 2);
    const global = added.mock.contexts.filter(
      (target) => target === window || target === document || target === document.body,
    );
    expect(global).toHaveLength(0);
    dispose();
    expect(model.listeners).toBe(0);
  }, 120_000);

  it("what streams is drawn in sight only, again after it was out of sight, and its end in any case", async () => {
    let seen: (isIntersecting: boolean) => void = () => {};
    vi.stubGlobal(
      "IntersectionObserver",
      class {
        constructor(tell: (entries: { isIntersecting: boolean }[]) => void) {
          seen = (isIntersecting) => tell([{ isIntersecting }]);
        }
        observe() {}
        disconnect() {}
      },
    );
    const state = table({ status: status({ state: "running" }) });
    const view = mounted(state);
    await painted();
    const frames = [0.3, 0.4, 0.5, 0.6].map((first, at) => {
      const values = floats(first, 0.2, 0.1, 0.05, 0, 0, 0, 0);
      return revive({ ...(state.frame as object), seq: 2 + at, values, state: at < 3 ? "running" : "settled" });
    });
    const first = () => view.words(".jx-row:not(.th) .num");
    await python(view.model, "frame", frames[0]);
    await vi.waitFor(() => expect(first()).toContain("+0.300"));
    seen(false);
    await python(view.model, "frame", frames[1]);
    expect(first()).toContain("+0.300");
    seen(true);
    await painted();
    await vi.waitFor(() => expect(first()).toContain("+0.400"));
    await python(view.model, "frame", frames[2]);
    await vi.waitFor(() => expect(first()).toContain("+0.500"));
    seen(false);
    await python(view.model, "frame", frames[3]);
    await vi.waitFor(() => expect(first()).toContain("+0.600"));
    view.close();
    vi.unstubAllGlobals();
  });

  it("the regions that a screen reader listens to stay while what they say comes and goes", async () => {
    const whole = new StandIn(table() as never, { live: true });
    const [known, shown] = [whole.get("geometry"), whole.get("frame")];
    const view = mounted({ ...table(), geometry: {}, frame: {} });
    await painted();
    const regions = () => view.all("[aria-live], [role=status]");
    const before = regions();
    expect(before.length).toBeGreaterThanOrEqual(2);
    for (const given of [known, {}, known]) {
      view.model.set("geometry", given);
      view.model.set("frame", shown);
      await vi.waitFor(() => expect(view.words(".jx-say") !== "").toBe(given === known), 10_000);
      expect(regions()).toEqual(before);
    }
    view.close();
  });

  it("listens to the model, and waits for answers, only while a view is open", async () => {
    vi.useFakeTimers();
    const model = new StandIn(table() as never, { live: true });
    const dispose = entry.initialize({ model });
    expect(model.listeners).toBe(0);
    const el = document.createElement("div");
    document.body.append(el);
    const close = entry.render({ model, el });
    const second = entry.render({ model, el });
    expect(model.listeners).toBeGreaterThan(5);
    el.querySelector<HTMLElement>(".jx-foot > .btn")?.click(); // waits for an answer
    model.emit("comm_live_update");
    second();
    expect(model.listeners).toBeGreaterThan(5);
    close();
    expect(model.listeners).toBe(0);
    vi.advanceTimersByTime(1000);
    expect(vi.getTimerCount()).toBe(0);
    // what Python wrote meanwhile is read by the next one
    model.set("status", status({ state: "stopped" }));
    const again = entry.render({ model, el });
    expect(el.textContent).toContain("stopped");
    again();
    dispose();
    vi.useRealTimers();
  });

  it("says that the connection is lost, keeps what is done meanwhile, and asks for the newest when it is back", async () => {
    const heard = new Set<(from: unknown, status: string) => void>();
    const changed = {
      connect: (slot: (from: unknown, status: string) => void) => heard.add(slot),
      disconnect: (slot: (from: unknown, status: string) => void) => heard.delete(slot),
    };
    const tell = async (state: string) => {
      for (const slot of heard) slot(null, state);
      await painted();
    };
    const model = Object.assign(new StandIn(table() as never, { live: true }), {
      widget_manager: { kernel: { connectionStatusChanged: changed } },
    });
    const view = mounted({} as never, { model });
    await painted();
    expect(heard.size).toBe(1);
    await tell("connecting");
    expect(view.words(".jx-msg")).toContain("The connection to the kernel is lost.");
    expect(view.words("[role=status]")).toContain("The connection to the kernel is lost.");
    await tell("disconnected");
    view.$(".jx-foot > .btn")?.click(); // what is sent waits with the host
    expect(model.sent.map((message) => (message as { type: string }).type)).toEqual(["hello", "ping", "more"]);
    const before = model.get("display");
    view.all('[role="radio"]')[1]?.click();
    const chosen = model.get("display");
    await tell("connected");
    // what may have been lost is said again, and no second place of the page is counted
    expect(model.sent.at(-1)).toMatchObject({ type: "ping", display: chosen });
    // the host brings back what it read before that was sent; what somebody else writes is taken
    await python(model, "display", before);
    expect(model.get("display")).toEqual(chosen);
    expect(view.words('[aria-checked="true"]')).toContain("good credit");
    await python(model, "display", { target: 0, sort: "name" });
    expect(view.words('[aria-checked="true"]')).toContain("bad credit");
    expect(view.words(".jx-msg")).toContain("is lost");
    await python(model, "status", status());
    expect(view.$(".jx-msg")).toBeNull();
    // a kernel that has gone is not connected by a new socket
    const send = vi.spyOn(model, "send").mockImplementation(() => {
      throw new Error("Cannot send");
    });
    model.emit("comm_live_update");
    await tell("connecting");
    expect(view.words(".jx-msg")).toContain("The kernel has gone");
    send.mockRestore();
    view.close();
    expect(heard.size).toBe(0);
  });

  it("says that nobody answers where the connection is back and the kernel is another", async () => {
    vi.useFakeTimers();
    let tell: (from: unknown, status: string) => void = () => {};
    const changed = { connect: (slot: typeof tell) => (tell = slot), disconnect: () => {} };
    const model = Object.assign(new StandIn(table() as never, { live: true }), {
      widget_manager: { kernel: { connectionStatusChanged: changed } },
    });
    const view = mounted({} as never, { model });
    tell(null, "connecting");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(view.words(".jx-msg")).toContain("The connection to the kernel is lost.");
    tell(null, "connected");
    await vi.advanceTimersByTimeAsync(6000);
    expect(view.words(".jx-msg")).toContain("No answer from the kernel yet.");
    tell(null, "connecting");
    tell(null, "connected");
    model.emit("msg:custom", { type: "pong", id: 9 });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(view.$(".jx-msg")).toBeNull();
    tell(null, "connecting");
    tell(null, "connected");
    view.close();
    await vi.advanceTimersByTimeAsync(1000);
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  it("says again what went down a wire that was dead before anybody was told", async () => {
    const slots = new Set<(from: unknown, status: string) => void>();
    const changed = { connect: slots.add.bind(slots), disconnect: slots.delete.bind(slots) };
    const model = Object.assign(new StandIn(table() as never, { live: true }), {
      widget_manager: { kernel: { connectionStatusChanged: changed } },
    });
    const tell = (state: string) => {
      for (const slot of slots) slot(null, state);
    };
    const view = mounted({} as never, { model });
    await painted();
    const sent = () => model.sent as { type: string; id: number; display?: object; request?: object }[];
    const method = view.$('select[aria-label="method"]') as HTMLSelectElement;
    const choose = (name: string) => {
      method.value = name;
      method.dispatchEvent(new Event("change", { bubbles: true }));
    };
    const [first, opened] = [model.get("display"), model.get("request")];
    // what was answered has arrived: nothing of it is said again
    view.all('[role="radio"]')[1]?.click();
    choose("lime");
    expect(sent().at(-1)).toEqual({ type: "ping", id: expect.any(Number) });
    model.emit("msg:custom", { type: "pong", id: sent().at(-1)?.id });
    tell("connecting");
    tell("connected");
    expect(sent().at(-1)).toEqual({ type: "ping", id: expect.any(Number) });
    await python(model, "status", status());
    // these were not
    vi.spyOn(performance, "now").mockReturnValue(performance.now() + 60_000);
    model.emit("msg:custom", { type: "pong", id: sent().at(-1)?.id });
    const before = [model.get("display"), model.get("request")];
    view.all('[role="radio"]')[0]?.click();
    choose("kernel_shap");
    const [display, request] = [model.get("display"), model.get("request")];
    expect([display, request]).not.toEqual(before);
    tell("connecting");
    tell("connected");
    expect(sent().at(-1)).toMatchObject({ type: "ping", display, request });
    // the host reads the state as it was before that came
    await python(model, "display", before[0]);
    await python(model, "request", before[1]);
    expect([model.get("display"), model.get("request")]).toEqual([display, request]);
    expect(view.words('[aria-checked="true"]')).toContain("bad credit");
    // a host that waits for ever for the lost value's answer holds later ones back: they are said as well
    view.all('[role="radio"]')[1]?.click();
    expect(sent().at(-1)).toMatchObject({ type: "ping", display: model.get("display") });
    expect([first, opened]).toEqual([{}, {}]);
    vi.restoreAllMocks();
    view.close();
  });

  it("a host that tells by failing messages is tried again until one comes through, ever more rarely", async () => {
    vi.useFakeTimers();
    const model = new StandIn(table() as never, { live: true });
    let whole = true;
    vi.spyOn(model, "send").mockImplementation((content) => {
      model.sent.push(content);
      return whole ? Promise.resolve() : Promise.reject(new TypeError("Failed to fetch"));
    });
    const sent = () => model.sent as { type: string; id: number; display?: object }[];
    const view = mounted({} as never, { model });
    await vi.advanceTimersByTimeAsync(100);
    whole = false;
    view.all('[role="radio"]')[1]?.click();
    view.$(".jx-foot > .btn")?.click();
    await vi.advanceTimersByTimeAsync(100);
    expect(view.words(".jx-msg")).toContain("The connection to the kernel is lost.");
    const tries = () => sent().filter(({ type }) => type === "ping").length;
    await vi.advanceTimersByTimeAsync(15_000);
    expect(tries()).toBe(3); // after 2, 6 and 14 seconds
    whole = true;
    await vi.advanceTimersByTimeAsync(16_000);
    expect(sent().at(-1)).toMatchObject({ type: "ping", display: { target: 1 } });
    model.emit("msg:custom", { type: "pong", id: sent().at(-1)?.id });
    await vi.advanceTimersByTimeAsync(100);
    expect(view.$(".jx-msg")).toBeNull();
    const before = tries();
    await vi.advanceTimersByTimeAsync(300_000);
    expect(tries()).toBe(before);
    // and nobody tries for a view that is closed
    whole = false;
    view.$(".jx-foot > .btn")?.click();
    await vi.advanceTimersByTimeAsync(100);
    view.close();
    await vi.advanceTimersByTimeAsync(300_000);
    expect(tries()).toBe(before);
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  it("knocks until the kernel has begun, and not after the view closed", () => {
    vi.useFakeTimers();
    const model = new StandIn({ uid: "u", status: {}, geometry: {}, frame: {} }, { live: true });
    const dispose = entry.initialize({ model });
    const el = document.createElement("div");
    document.body.append(el);
    const close = entry.render({ model, el });
    const said = () => model.sent.map((message) => (message as { type: string }).type);
    expect(said()).toEqual(["hello"]);
    vi.advanceTimersByTime(1500);
    expect(said()).toEqual(["hello", "ping", "ping"]);
    model.set("status", status({ state: "running" }));
    vi.advanceTimersByTime(5000);
    expect(said()).toEqual(["hello", "ping", "ping"]);
    close();
    vi.advanceTimersByTime(5000);
    expect(said()).toEqual(["hello", "ping", "ping", "bye"]);
    dispose();
    vi.useRealTimers();
  });

  it("initialize reads no state: a page may hold a hundred unseen widgets", () => {
    const model = new StandIn(table() as never, { live: true });
    const read = vi.spyOn(model, "get");
    const dispose = entry.initialize({ model });
    expect(read.mock.calls.map(([name]) => name).filter((name) => name !== "uid")).toEqual([]);
    dispose();
  });

  it("two views of one model stay equal, also when anywidget hands out proxies", async () => {
    const model = new StandIn(table() as never, { live: true });
    const manager = {};
    const proxy = () => ({
      widget_manager: manager,
      get: model.get.bind(model),
      set: model.set.bind(model),
      save_changes: () => {},
      send: model.send.bind(model),
      on: model.on.bind(model),
      off: model.off.bind(model),
    });
    const dispose = entry.initialize({ model: proxy() });
    const [first, second] = [document.createElement("div"), document.createElement("div")];
    document.body.append(first, second);
    const closers = [first, second].map((el) => entry.render({ model: proxy(), el }));
    await painted();
    first.querySelectorAll<HTMLElement>('[role="radio"]')[1]?.click();
    await painted();
    expect(second.querySelector('[aria-checked="true"]')?.textContent).toBe("good credit 0.365");
    expect(second.textContent).toBe(first.textContent);
    for (const close of closers) close();
    dispose();
    expect(model.listeners).toBe(0);
  });

  it("the live class is there from the first moment to the last", () => {
    const el = document.createElement("div");
    document.body.append(el);
    const close = mount(el, { ...table(), uid: "abc" } as never);
    expect(el.querySelector("section")?.className).toBe("jx xai-live-abc");
    close();
    expect(document.querySelector(".xai-live-abc")).toBeNull();
  });

  it("a view that cannot be drawn gives way to the static picture", async () => {
    const complaint = vi.spyOn(console, "error").mockImplementation(() => {});
    const broken = table();
    const view = mounted({
      ...broken,
      geometry: { ...(broken.geometry as object), layout: { type: "columns", columns: 3 } },
    });
    await painted();
    expect(document.querySelector('[class*="xai-live"]')).toBeNull();
    expect(view.root.textContent).toContain("could not be drawn");
    expect(complaint).toHaveBeenCalled();
    view.close();
  });

  it("sending to a dead comm, closing included, never throws", async () => {
    const view = mounted(table());
    await painted();
    vi.spyOn(view.model, "send").mockImplementation(() => {
      throw new Error("Cannot send");
    });
    view.$(".jx-foot > .btn")?.click();
    await painted();
    expect(view.root.textContent).toContain("The kernel has gone");
    expect(() => view.close()).not.toThrow();
  });

  it("a view restored from saved widget state says so", async () => {
    const model = new StandIn(table() as never, { live: true });
    const el = document.createElement("div");
    el.className = "jupyter-widgets-disconnected";
    document.body.append(el);
    const close = entry.render({ model, el });
    await painted();
    expect(el.textContent).toContain("Saved view, no kernel.");
    close();
    // nobody called initialize, so the last view cleans up
    expect(model.listeners).toBe(0);
  });

  it("an empty model waits in words", async () => {
    const view = mounted({ uid: "e", geometry: {}, frame: {}, curves: {}, status: {}, display: {}, request: {} });
    await painted();
    expect(view.root.textContent).toContain("No prediction yet");
    expect(view.root.textContent).toContain("waiting to start");
    view.close();
  });
});

describe("the theme", () => {
  const themed = (style: string) => {
    document.body.setAttribute("style", style);
    const el = document.createElement("div");
    document.body.append(el);
    // happy-dom does not inherit variables
    el.style.setProperty("--jp-layout-color0", document.body.style.getPropertyValue("--jp-layout-color0"));
    return measure(el);
  };

  it("comes from the measured ground, not from the host's word", () => {
    expect(themed("--jp-layout-color0: #111").theme).toBe("dark");
    expect(themed("--jp-layout-color0: white").theme).toBe("light");
    expect(themed("background-color: rgb(20, 20, 20)")).toEqual({
      theme: "dark",
      ground: expect.stringContaining("20"),
    });
    expect(themed("")).toEqual({ theme: "light", ground: null });
  });
});

describe("user text stays text", () => {
  const corpus = [
    "<img src=x onerror=alert(1)>",
    "<script>window.__hit = 1</script>",
    '"><svg onload=alert(1)>',
    "javascript:alert(1)",
    "{{constructor.constructor('alert(1)')()}}",
    "&lt;b&gt;not bold&lt;/b&gt;",
    "</style><style>*{display:none}",
    "' onmouseover='alert(1)",
    "\u202Ereversed\u202C",
    "\u0000null",
  ];

  it.each(corpus)("%s", async (evil) => {
    const columns = [column(evil, evil, { unit: evil, condition: `${evil} <= 3` })];
    const one = { n_features: 1, values: floats(0.2, -0.2), predictions: floats(0.6, 0.4), target_names: [evil, evil] };
    const error = { title: evil, message: evil, where: evil, hint: evil, traceback: evil };
    const names = { output_names: [evil, evil], took: evil };
    const methods = [
      { name: evil, label: evil, why_not: evil },
      { name: "lime", label: evil, why_not: "" },
    ];
    const states = [
      {
        ...table(),
        geometry: geometry({ type: "columns", columns }, { ...names, methods }),
        status: status({ state: "failed", error, notices: [evil] }),
      },
      {
        ...text(evil, [[0, evil.length]], [0.3]),
        geometry: geometry(
          { type: "tokens", text: evil, offsets: [[0, evil.length]], groups: [], units: evil, n_features: 1 },
          names,
        ),
      },
      { ...image(), geometry: { ...(image().geometry as object), ...names } },
    ];
    for (const state of states) {
      const layoutType = (state.geometry as { layout: { type: string } }).layout.type;
      const shown =
        layoutType === "pixels"
          ? state
          : { ...state, frame: frame({ ...one, unexplained: [[evil, 1]], method_label: evil }) };
      const view = mounted(shown);
      await painted();
      expect(view.root.textContent).toContain(evil);
      expect(view.all("script, img, style, iframe, svg[onload], [onerror], [onmouseover]")).toEqual([]);
      view.close();
    }
    expect((window as { __hit?: number }).__hit).toBeUndefined();
  });
});
