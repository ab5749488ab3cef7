import { afterEach, describe, expect, it } from "vitest";
import { columnsOf, endsOf, orderBy, type Shown } from "../src/board";
import type { Board } from "../src/schema.gen";
import { revive } from "../src/standin";
import { board, column, metric, movable, state } from "./boards";
import { geometry, packed, status } from "./fixtures";
import { type Mounted, mounted, painted, python } from "./mounted";

let view: Mounted | undefined;
afterEach(() => view?.close());
const rows = () => view?.all(".cp [role=rowheader]").map((row) => row.textContent?.trim()) ?? [];

describe("a board", () => {
  const read = revive(board()) as Board;

  it("has one scale for all methods of one unit, and one of its own for another", () => {
    const ends = endsOf(columnsOf(read, 0));
    expect(ends[0]).toBe(ends[1]);
    expect(ends[2]).toBe(5);
  });

  it("orders features by size", () => {
    expect(orderBy(new Float32Array([0.1, -0.3, 0.2]), 3)).toEqual([1, 2, 0]);
    expect(orderBy(null, 3)).toEqual([0, 1, 2]);
  });
});

describe("methods side by side", () => {
  it("share one order, which any of them may give", async () => {
    view = mounted(state(board()));
    await painted();
    expect(rows()).toEqual(["<b>age</b> 24", "purpose car", "duration 36"]);
    const heads = view.all(".cp-h button");
    expect(heads.map((head) => head.textContent)).toEqual(["KernelSHAP", "LIME", "Saliency", "Grad-CAM"]);
    const costs = view.all(".cp-h [role=columnheader]").map((head) => head.textContent);
    expect(costs.filter((said) => said?.includes("0.25 s, 1,200 rows"))).toHaveLength(3);
    heads[1]?.click();
    await painted();
    expect(rows()).toEqual(["duration 36", "purpose car", "<b>age</b> 24"]);
    expect(view.all("[role=columnheader][aria-sort=descending]").length).toBe(1);
    expect(view.$(".cp b b")).toBeNull();
  });

  it("stand at once where another output is chosen", async () => {
    const two = [0.1, -0.3, 0.2, -0.1, 0.3, -0.2];
    const given = { output_names: ["bad", "good"], predictions: [0.635, 0.365], columns: [column("LIME", two)] };
    view = mounted(state(board(given)));
    await painted();
    const drawn = () => view?.$(".cp .jx-bar .b")?.classList.contains("neg");
    const before = drawn();
    view.$('[role="radio"][aria-checked="false"]')?.click();
    await painted();
    expect(drawn()).toBe(!before);
    expect(view.$(".cp")?.classList.contains("still")).toBe(true);
  });

  it("say the verdict, who cannot and why, agreement, and what has no number", async () => {
    view = mounted(state(board()));
    await painted();
    expect(view.words(".jx-say")).toBe("The model bears out no single method most.");
    expect(view.words(".cp .why")).toBe("Grad-CAM explains image inputs.");
    expect(view.words(".cp-t")).toContain("KernelSHAP, LIME 0.50none 1.00".replace(" 1", "1").replace("E ", "E"));
    expect(view.$('.cp-m td [title="it adds up to nothing"]')?.textContent).toBe("none");
    expect(view.all(".cp-c path").length).toBe(5);
    expect(view.words(".jx-state")).toContain("4 methods \u00b7 seed 7");
  });

  it("draws an uncertain weight hollow", async () => {
    view = mounted(state(board()));
    await painted();
    expect(view.all(".cp .jx-bar.hollow").length).toBe(1);
  });

  it("fill as they come, and Stop is at hand", async () => {
    const status = {
      schema: 1,
      run: 1,
      state: "running",
      rows: 1,
      total: 2,
      rate: null,
      seconds: 1,
      seconds_left: null,
      error: null,
      notices: [],
    };
    const waiting = {
      ...column("LIME", []),
      state: "waiting",
      values: undefined,
      curves: [],
      metrics: [[]],
      notes: [""],
    };
    view = mounted({
      ...(state(
        board({ verdict: "", columns: [column("KernelSHAP", [0.1, -0.3, 0.2]), waiting], pairs: [] }),
      ) as object),
      status,
    } as never);
    await painted();
    expect(view.words(".jx-state")).toBe("1 of 2 methods");
    expect(view.words(".cp-h .c:nth-child(3)")).toContain("waiting");
    view.$(".jx-meta .btn")?.click();
    expect(view.model.sent.map((message) => (message as { type: string }).type)).toContain("stop");
    await python(view.model, "board", revive(board()));
    expect(view.all(".cp-h button").length).toBe(4);
  });
});

const sent = (view: Mounted, type: string) =>
  (view.model.sent as { type: string; edits?: unknown; id: number }[]).filter((message) => message.type === type);

describe("one hand in all columns", () => {
  it("pointing at a row marks what every method says of it", async () => {
    view = mounted(movable() as never);
    await painted();
    const row = view.all(".cp-r").find((each) => each.textContent?.includes("purpose"));
    row?.dispatchEvent(new PointerEvent("pointerenter"));
    await painted();
    const marked = view.all(".cp-r.hot");
    expect(marked.length).toBe(1);
    expect(marked[0]?.querySelectorAll(".c").length).toBe(4);
    row?.dispatchEvent(new PointerEvent("pointerleave"));
    await painted();
    expect(view.all(".cp-r.hot").length).toBe(0);
  });

  it("a slider moves the prediction at once, and on release asks all methods anew", async () => {
    view = mounted(movable() as never);
    await painted();
    const slider = view.$('input[type=range][aria-label="duration"]') as HTMLInputElement;
    slider.value = "68";
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    await painted();
    // read off the curve, before anybody answers
    expect(view.words(".jx-radios [aria-checked=true]")).toContain("0.800");
    expect(view.words(".jx-radios .was")).toBe("was 0.635");
    const edits = [{ op: "set", feature: "duration", value: 72 }];
    expect(sent(view, "preview").at(-1)?.edits).toEqual(edits);
    view.model.emit("msg:custom", { type: "preview", id: sent(view, "preview").at(-1)?.id, predictions: [0.71] }, []);
    await painted();
    expect(view.words(".jx-radios [aria-checked=true]")).toContain("0.710");
    slider.dispatchEvent(new Event("change", { bubbles: true }));
    await painted();
    expect((view.model.get("request") as { edits: unknown }).edits).toEqual(edits);
    // what each method said stays until it has explained the row as it is now
    const waiting = (label: string) =>
      column(label, [0.1, -0.3, 0.2], { state: "waiting", curves: [], metrics: [[awaited("deletion area")]] });
    const next = board({ run: 2, predictions: [0.72], original: [0.635], columns: [waiting("KernelSHAP")], pairs: [] });
    await python(view.model, "board", revive(next));
    expect(view.words(".jx-radios [aria-checked=true]")).toContain("0.720");
    expect(view.words(".jx-radios .was")).toBe("was 0.635");
    // the row and the head say it: a sentence more would push the rows away from the hand
    expect(view.words(".jx-say")).toBe("The model bears out no single method most.");
    expect(view.words(".cp-h .c .q")).toBe("waiting");
    expect(view.all(".cp .jx-bar .b").length).toBe(3);
    expect(view.words(".cp-m tbody td")).toBe("\u2026");
    expect(view.$(".jx-hands button:nth-child(3)")?.textContent).toBe("Reset");
    view.$(".jx-hands button:nth-child(3)")?.click();
    await painted();
    expect((view.model.get("request") as { edits: unknown }).edits).toEqual([]);
  });

  it("rows keep their places while methods stream", async () => {
    view = mounted(movable() as never);
    await painted();
    const before = rows();
    await python(view.model, "status", status({ state: "running", rows: 0, total: 4 }));
    await python(view.model, "board", revive(board({ run: 2, columns: [column("KernelSHAP", [0.9, 0.1, 0.2])] })));
    expect(rows()).toEqual(before);
    await python(view.model, "status", status());
    expect(rows()).not.toEqual(before);
  });

  it("a struck word is struck in every text, and its row stays to be seen", async () => {
    const words = {
      names: ["a", "dull", "film"],
      values: [],
      things: "words",
      columns: [column("LIME", [0, -0.3, 0.2]), column("Occlusion", [0.1, -0.2, 0])],
      pairs: [],
    };
    const layout = {
      type: "tokens",
      text: "a dull film",
      offsets: [
        [0, 1],
        [2, 6],
        [7, 11],
      ],
      groups: [],
      units: "words",
      n_features: 3,
    };
    const given = { ...(state(board(words)) as object), geometry: geometry(layout), status: status() };
    view = mounted(given as never);
    await painted();
    expect(view.all(".cp-f figure").length).toBe(2);
    expect(view.all('.tx-body [aria-label^="dull"]').map((word) => word.className)).toEqual(["w neg", "w neg"]);
    view.$('.tx-body [aria-label^="dull"]')?.dispatchEvent(new KeyboardEvent("keydown", { key: " ", bubbles: true }));
    await painted();
    expect(view.all('.tx-body [aria-label="dull, struck"]').length).toBe(2);
    expect((view.model.get("request") as { edits: unknown }).edits).toEqual([{ op: "strike", positions: [1] }]);
    const gone = { ...words, run: 2, original: [0.635], columns: [column("LIME", [0, Number.NaN, 0.2])] };
    await python(view.model, "board", revive(board(gone)));
    expect(view.all(".cp .nm.gone").map((name) => name.textContent?.trim())).toEqual(["dull"]);
    view.$('.tx-body [aria-label^="a,"]')?.dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
    await painted();
    expect(view.all(".cp-r.hot").length).toBe(1);
  });

  it("nothing can be moved where nobody answers, or where features are coarser than what is hidden", async () => {
    view = mounted(movable() as never, { live: false });
    await painted();
    expect(view.$(".jx-hands")).toBeNull();
    expect(view.all(".cp .jx-trk").length).toBe(1); // what is known along a column is still to be seen
    expect(view.$(".cp .jx-val input")).toBeNull();
    view.close();
    view = mounted(movable(board({ coarser: true })) as never);
    await painted();
    expect(view.all(".cp .jx-trk").length).toBe(0);
  });
});

const awaited = (name: string) => ({ ...metric(name, null), awaited: true });

describe("a photo", () => {
  it("is shown once a method, and may carry values by pixel", () => {
    const map = { target: 0, width: 2, height: 1, scale: 0.5, data: packed(new Int8Array([127, -127])) };
    const [shown] = columnsOf(revive(board({ columns: [column("Saliency", [1, 2, 3], { maps: [map] })] })) as Board, 0);
    expect([...(shown?.pixels?.values ?? [])].map((value) => Number(value.toFixed(3)))).toEqual([0.5, -0.5]);
  });

  it("orders what is gone last", () => {
    expect(orderBy(new Float32Array([Number.NaN, 0.1, -0.3]), 3)).toEqual([2, 1, 0]);
  });
});

describe("one scale for all methods", () => {
  const shown = (values: number[], unit = "") =>
    ({ values: Float32Array.from(values), errors: null, column: { unit } }) as unknown as Shown;

  it("is that of the largest weight, whatever finds nothing", () => {
    expect(endsOf([shown([0.2, -0.1]), shown([0, Number.NaN, 0])])).toEqual([0.2, 0.2]);
    expect(endsOf([shown([0, 0]), shown([5], "relevance")])).toEqual([1, 5]);
  });
});
