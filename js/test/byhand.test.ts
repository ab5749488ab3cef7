/** What a row, a word and a photo look like in the hand: what was, what is, where it turns. */
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Edit, Status } from "../src/schema.gen";
import { revive } from "../src/standin";
import { column, floats, geometry, image, type Plain, packed, status, table, text } from "./fixtures";
import { type Mounted, mounted, painted, python } from "./mounted";

const HALF: Record<number, number> = { 0: 0, 0.5: 0x3800, 1: 0x3c00, [-1]: 0xbc00, [-0.5]: 0xb800 };
const halves = (...values: number[]) => packed(new Uint16Array(values.map((value) => HALF[value] as number)));

/** bad credit by duration: 0.25 at 4, 0.5 at 36, 0.75 at 72; by purpose: 0.75 for a radio, 0.25 for a car. */
const curves = {
  schema: 1,
  run: 1,
  curves: [
    {
      ...{ kind: "response", feature: 2, points: 3, offset: 0.5, scale: 0.25 },
      ...{ x: floats(4, 36, 72), y: halves(-1, 0, 1, 1, 0, -1) },
    },
    {
      ...{ kind: "response", feature: 1, points: 2, offset: 0.5, scale: 0.25 },
      ...{ x: floats(0, 1), y: halves(1, -1, -1, 1) },
    },
  ],
};

let view: Mounted;
afterEach(() => view?.close());
const show = async (patch: Partial<Plain> = {}, options = {}) => {
  view = mounted(table({ curves, ...patch }), options);
  await painted();
};
const slider = (name: string) => view.$(`.jx-trk input[aria-label="${name}"]`) as HTMLInputElement;
const groove = (name: string) => slider(name).closest(".jx-trk") as HTMLElement;
const field = (name: string) => view.$(`.jx-val input[aria-label="${name}"]`) as HTMLInputElement;
const drag = async (name: string, step: number) => {
  slider(name).value = String(step);
  slider(name).dispatchEvent(new Event("input", { bubbles: true }));
  await painted();
};
const key = async (target: HTMLElement, name: string, more = {}) => {
  target.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true, ...more }));
  await painted();
};
const type = async (target: HTMLInputElement, words: string) => {
  target.value = words;
  target.dispatchEvent(new Event("input", { bubbles: true }));
  await painted();
};
const edits = () => (view.model.get("request") as { edits?: Edit[] }).edits;
const sent = (kind: string) =>
  view.model.sent.filter((message) => (message as { type: string }).type === kind) as { id: number; edits: Edit[] }[];
const answer = async (message: object) => {
  const { id } = sent("preview").at(-1) as { id: number };
  view.model.emit("msg:custom", { type: "preview", id, ...message }, []);
  await painted();
};
const place = (element: Element | null | undefined) => {
  const { left, top } = (element as HTMLElement).style;
  return [left, top].map((text) => Number(Number.parseFloat(text).toFixed(1)));
};
/** Heights of a track whose scale is from 0.2 to 0.8. */
const top = (score: number) => Number((100 - 100 * (0.06 + (0.88 * (score - 0.2)) / 0.6)).toFixed(1));

describe("a track", () => {
  it("has the present value on its curve, the threshold, and where the decision turns", async () => {
    await show();
    const track = groove("duration");
    expect(view.words(".th-trk")).toContain("0.2\u20130.8");
    expect(place(track.querySelector(".dot"))).toEqual([47.1, top(0.635)]);
    expect(track.querySelector(".now")).not.toBeNull();
    const threshold = Number(track.querySelector("line.t")?.getAttribute("y1"));
    expect((100 * threshold) / 24).toBeCloseTo(top(0.5), 0);
    const zone = track.querySelector("rect.z");
    expect([zone?.getAttribute("x"), zone?.getAttribute("width")]).toEqual(["0.00", "47.06"]);
    expect(groove("purpose").querySelector("rect.z")?.getAttribute("x")).toBe("50.00");
    expect(track.querySelector(".org")).toBeNull();
    expect(track.querySelector(".tip")?.textContent).toBe("36 \u2192 0.635");
  });

  it("marks the original with a ring on the curve once they differ", async () => {
    await show();
    await drag("duration", 68);
    expect(place(groove("duration").querySelector(".dot"))).toEqual([100, top(0.75)]);
    expect(place(groove("duration").querySelector(".org"))).toEqual([47.1, top(0.5)]);
    expect(groove("duration").querySelector(".tip")?.textContent).toBe("72 \u2192 0.750");
    expect(groove("purpose").querySelector(".org")).toBeNull();
  });

  it("F goes to the nearest flip, Backspace back, Shift with arrows and the pages ten steps", async () => {
    await show();
    slider("duration").focus();
    await key(slider("duration"), "f");
    expect(edits()?.at(-1)).toEqual({ op: "set", feature: "duration", value: 35 });
    await key(slider("duration"), "Backspace");
    expect(edits()?.at(-1)).toMatchObject({ value: 36 });
    await key(slider("duration"), "f", { ctrlKey: true });
    expect(edits()?.at(-1)).toMatchObject({ value: 36 });
    await key(slider("duration"), "ArrowRight", { shiftKey: true });
    await key(slider("duration"), "PageUp");
    expect(field("duration").value).toBe("56");
    await key(slider("duration"), "PageDown");
    slider("duration").dispatchEvent(new KeyboardEvent("keyup", { key: "PageDown", bubbles: true }));
    expect(edits()?.at(-1)).toMatchObject({ value: 46 });
    // a curve of before another change knows no flip
    await key(slider("purpose"), "F");
    expect(edits()?.at(-1)).toMatchObject({ feature: "duration", value: 46 });
  });
});

describe("a value", () => {
  it("is taken back with Esc, applied on leaving", async () => {
    await show();
    await type(field("duration"), "12");
    await key(field("duration"), "Escape");
    expect(field("duration").value).toBe("36");
    expect(edits()).toBeUndefined();
    await type(field("duration"), "13");
    field("duration").dispatchEvent(new FocusEvent("blur"));
    await painted();
    expect(edits()).toEqual([{ op: "set", feature: "duration", value: 13 }]);
  });

  it("that is none is marked, said on Enter, and stays to be mended until the field is left", async () => {
    await show();
    await type(field("duration"), "3,5");
    expect(field("duration").getAttribute("aria-invalid")).toBe("true");
    expect(view.$(".jx-val [role=alert]")).toBeNull();
    await key(field("duration"), "Enter");
    const said = view.$(".jx-val [role=alert]");
    expect(said?.textContent).toBe("not a number");
    expect(field("duration").value).toBe("3,5");
    await type(field("duration"), "3.5");
    expect(view.$(".jx-val [role=alert]")).toBeNull();
    await key(field("duration"), "Enter");
    expect(edits()).toEqual([{ op: "set", feature: "duration", value: 3.5 }]);
    await type(field("duration"), "soon");
    await key(field("duration"), "Enter");
    field("duration").dispatchEvent(new FocusEvent("blur"));
    await painted();
    expect([field("duration").value, view.$(".jx-val [role=alert]")]).toEqual(["3.5", null]);
    expect(edits()).toHaveLength(1);
  });

  it("that is empty is missing", async () => {
    await show();
    await type(field("duration"), "");
    await key(field("duration"), "Enter");
    expect(edits()).toEqual([{ op: "set", feature: "duration", value: null }]);
    expect(field("duration").value).toBe("missing");
    // nothing is where there is no number
    expect(groove("duration").querySelector(".dot")).toBeNull();
    expect(groove("duration").querySelector(".org")).not.toBeNull();
  });

  it("of a yes or no is a switch", async () => {
    const own = { kind: "boolean", raw: true, choices: [false, true], choice_names: ["no", "yes"] };
    const layout = { type: "columns", columns: [column("owns", "yes", own)] };
    await show({
      geometry: geometry(layout),
      curves: {},
      frame: { ...(table().frame as object), n_features: 1, values: floats(1, -1), std_errors: undefined },
    });
    const owns = view.$("[role=switch]") as HTMLElement;
    expect([owns.getAttribute("aria-checked"), owns.textContent]).toEqual(["true", "yes"]);
    owns.click();
    await painted();
    expect(edits()).toEqual([{ op: "set", feature: "owns", value: false }]);
    expect([owns.getAttribute("aria-checked"), owns.textContent]).toEqual(["false", "no"]);
    owns.click();
    await painted();
    expect(edits()?.at(-1)).toEqual({ op: "set", feature: "owns", value: true });
  });
});

describe("the sentence", () => {
  it("names the nearest flips first", async () => {
    const near = {
      ...(curves.curves[1] as object),
      feature: 0,
      points: 3,
      x: floats(0, 1, 2),
      y: halves(0.5, 0.5, -1, -0.5, -0.5, 1),
    };
    await show({ curves: { ...curves, curves: [near, ...curves.curves] } });
    expect(view.words(".jx-say")).toContain(
      "To flip it, change one: duration \u2264 35 months, checking account to over 200 DM.",
    );
  });

  it("keeps still under a moving hand, and says afterwards", async () => {
    await show();
    const before = view.words(".jx-say");
    await drag("duration", 0);
    expect(view.words(".jx-say")).toBe(before);
    slider("duration").dispatchEvent(new Event("change", { bubbles: true }));
    await painted();
    expect(view.words(".jx-say")).not.toBe(before);
  });
});

describe("a refusal", () => {
  const refuse = async () => {
    await type(field("duration"), "-5");
    await key(field("duration"), "Enter");
    await answer({ error: "<b>duration must not be negative</b>" });
  };

  it("is said as text, once: not again beside the failed run", async () => {
    await show();
    await refuse();
    expect(view.words(".jx-hands [role=alert]")).toBe("<b>duration must not be negative</b>");
    expect(view.$(".jx-hands b")).toBeNull();
    // the number is of before the change: nothing is said of what it was
    expect(view.$(".jx-outs .was")).toBeNull();
    const error = { title: "Your model raised ValueError.", message: "no", where: "", hint: "", traceback: "" };
    await python(view.model, "status", status({ run: 2, state: "failed", error } as Partial<Status>));
    expect(view.$(".jx-hands [role=alert]")).toBeNull();
    expect(view.all("[role=alert]")).toHaveLength(1);
  });
});

describe("a word", () => {
  const offsets = [[0, 2], [3, 7], [9, 11], [12, 16]]; // biome-ignore format: spans
  const review = (patch: Partial<Plain> = {}) => text("So dull, so dull!", offsets, [0.01, 0.157, -0.08, 0.1], patch);
  const word = (unit: number) => view.$(`[data-unit="${unit}"]`) as HTMLElement;

  it("is struck 200 ms after the click, no sooner; one that was replaced comes back as it was", async () => {
    view = mounted(review({ request: { edits: [{ op: "replace", position: 0, text: "Very" }] } }));
    await painted();
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const click = (unit: number) =>
      word(unit).dispatchEvent(new MouseEvent("click", { bubbles: true, detail: 1 } as MouseEventInit));
    click(1);
    vi.advanceTimersByTime(190);
    expect(edits()).toHaveLength(1);
    vi.advanceTimersByTime(20);
    expect(edits()?.at(-1)).toEqual({ op: "strike", positions: [1] });
    click(0);
    vi.advanceTimersByTime(210);
    vi.useRealTimers();
    expect(edits()?.at(-1)).toEqual({ op: "restore", positions: [0] });
    await painted();
    expect(word(0).textContent).toBe("So");
  });

  it("that was replaced and then struck is struck, and comes back as it was", async () => {
    const log: Edit[] = [
      { op: "replace", position: 1, text: "fine" },
      { op: "strike", positions: [1] },
    ];
    view = mounted(review({ request: { edits: log } }));
    await painted();
    expect([word(1).textContent, word(1).className.includes("gone")]).toEqual(["dull", true]);
    await key(word(1), " ");
    expect([word(1).textContent, word(1).className.includes("gone")]).toEqual(["dull", false]);
    expect(view.words(".jx-say")).not.toContain("replaced");
  });

  it("keeps the scale of the original, alone or with its equals", async () => {
    view = mounted(review());
    await painted();
    const ends = () => view.words(".tx-h .to");
    expect(ends()).toBe("+0.20");
    const edited = (run: number, factor: number) => {
      const values = [0.01, 0.157, -0.08, 0.1].map((value) => factor * value);
      const now = { values: floats(...values, ...values.map((value) => -value)), std_errors: undefined };
      return revive({ ...(review().frame as object), run, original: floats(0.793, 0.207), ...now });
    };
    await python(view.model, "frame", edited(2, 4));
    expect(ends()).toBe("+0.20");
    expect(view.$(".tx-list .far")).not.toBeNull();
    expect(word(1).style.getPropertyValue("--h")).toBe("7px");
    view.close();
    view = mounted(review({ display: { grouped: true } }));
    await painted();
    const sums = ends();
    await python(view.model, "frame", edited(2, 4));
    expect(ends()).toBe(sums);
  });
});

describe("a photo", () => {
  const pointer = (type: string, x: number, y: number, button = 0) => {
    const canvas = view.$("canvas") as HTMLCanvasElement;
    vi.spyOn(canvas, "getBoundingClientRect").mockReturnValue({ left: 0, top: 0, width: 200, height: 200 } as DOMRect);
    canvas.dispatchEvent(new MouseEvent(type, { bubbles: true, clientX: x, clientY: y, button } as MouseEventInit));
  };

  it("a second finger takes back what the first began; another button than the main one draws nothing", async () => {
    view = mounted(image());
    await painted();
    pointer("pointerdown", 50, 20);
    pointer("pointermove", 90, 60);
    expect(sent("preview")).toHaveLength(1);
    pointer("pointerdown", 120, 60);
    pointer("pointerup", 90, 60);
    await painted();
    expect(edits()).toBeUndefined();
    expect(view.words(".jx-say")).not.toContain("brushed");
    expect(sent("preview").at(-1)?.edits).toEqual([]);
    pointer("pointerdown", 50, 20, 2);
    pointer("pointermove", 90, 60);
    pointer("pointerup", 90, 60);
    expect(edits()).toBeUndefined();
  });

  it("dials have a ring at nothing once they are moved", async () => {
    view = mounted(image());
    await painted();
    const dial = view.$('input[aria-label="brightness"]') as HTMLInputElement;
    const track = dial.closest(".jx-trk") as HTMLElement;
    expect(track.querySelector(".org")).toBeNull();
    dial.value = String(Number(dial.value) + 20);
    dial.dispatchEvent(new Event("input", { bubbles: true }));
    await painted();
    expect(place(track.querySelector(".org"))[0]).toBe(50);
    expect(place(track.querySelector(".dot"))[0]).toBe(75);
  });

  it("goes on to be changed beyond its edges: the hand is led along them", async () => {
    view = mounted(image());
    await painted();
    pointer("pointerdown", 100, 100);
    pointer("pointermove", 900, -300);
    pointer("pointerup", 900, -300);
    const stroke = edits()?.[0] as { points: number[][] };
    expect(stroke.points).toEqual([[2, 2], [4, 0]]); // biome-ignore format: pairs
  });
});
