import { afterEach, describe, expect, it, vi } from "vitest";
import { column, floats, frame, geometry, image, type Plain, status, table, text } from "./fixtures";
import { type Mounted, mounted, painted, python } from "./mounted";

let view: Mounted;
const show = async (state: Plain, options = {}) => {
  view = mounted(state, options);
  await painted();
  return view;
};
afterEach(() => view?.close());

const review = () =>
  text(
    "So dull, so dull!",
    [
      [0, 2],
      [3, 7],
      [9, 11],
      [12, 16],
    ],
    [0.01, 0.157, -0.08, 0.1],
  );

describe("a table", () => {
  it("has a row a feature with value, bar and number, largest first", async () => {
    await show(table());
    expect(view.all('[role="rowheader"]').map((cell) => cell.textContent)).toEqual([
      "checking account",
      "duration",
      "purpose",
      "telephone",
    ]);
    expect(view.all(".jx-row:not(.th) .num").map((cell) => cell.textContent)).toEqual([
      "+0.156 ±0.027",
      "+0.134 ±0.018",
      "\u22120.129 ±0.020",
      "+0.012 ±0.039",
    ]);
    const [first, second, third, fourth] = view.all(".jx-bar");
    expect(first?.querySelector<HTMLElement>(".b")?.style.left).toBe("50%");
    expect(Number.parseFloat(first?.querySelector<HTMLElement>(".b")?.style.width ?? "")).toBeCloseTo(39, 0);
    expect(third?.querySelector(".b.neg")).not.toBeNull();
    expect(second?.classList.contains("hollow")).toBe(false);
    expect(fourth?.classList.contains("hollow")).toBe(true);
    const said = (cell: HTMLElement) => {
      const field = cell.querySelector<HTMLInputElement>("input, select");
      const chosen = field instanceof HTMLSelectElement ? field.selectedOptions[0]?.textContent : field?.value;
      return [chosen, ...[...cell.querySelectorAll("span")].map((part) => part.textContent)].join(" ");
    };
    expect(view.all(".jx-val").map(said)).toEqual(["overdrawn", "36 months 24 to 36", "car, used", "missing"]);
  });

  it("says outputs, sum, sentence and doubt in words", async () => {
    await show(table());
    expect(view.words(".jx-outs")).toBe("probability of bad credit 0.635good credit 0.365");
    expect(view.words(".jx-eq")).toBe("0.462 average+ 0.173 4 features= 0.635adds up exactly");
    expect(view.words(".jx-say")).toBe("Raised most by checking account, duration; lowered by purpose.");
    expect(view.words(".jx-foot")).toContain(
      "1 of 4 features could be zero: hollow bars. Average over 100 training rows.",
    );
    expect(view.$(".jx-line")?.getAttribute("aria-label")).toBe(
      "from the average 0.462 to the prediction 0.635; threshold 0.5",
    );
    expect(view.words(".jx-state")).toBe("settled · 3,000 rows · < 0.1 s · seed 0");
  });

  it("puts the rest in one line until all are wanted", async () => {
    const n = 25;
    const columns = Array.from({ length: n }, (_, i) => column(`f${i}`, String(i)));
    const weights = columns.map((_, i) => (n - i) / 100);
    await show({
      ...table(),
      geometry: geometry({ type: "columns", columns }),
      frame: frame({ n_features: n, values: floats(...weights, ...weights), predictions: floats(0.5, 0.5) }),
    });
    expect(view.all('[role="rowheader"]')).toHaveLength(10);
    expect(view.words(".jx-more")).toContain("15 more features together");
    expect(view.words(".jx-more .num")).toBe("+1.200");
    view.$(".jx-more button")?.click();
    await painted();
    expect(view.all('[role="rowheader"]')).toHaveLength(n);
    expect(view.model.get("display")).toEqual({ all_rows: true });
  });

  it("of many features shows them all as a strip and finds one by name", async () => {
    const n = 60;
    const columns = Array.from({ length: n }, (_, i) => column(`f${i}`, String(i)));
    const weights = columns.map((_, i) => (i % 2 ? -1 : 1) * (n - i));
    const one = { n_features: n, values: floats(...weights, ...weights), predictions: floats(0.5, 0.5) };
    await show({ ...table(), geometry: geometry({ type: "columns", columns }), frame: frame(one) });
    expect(view.$(".jx-over svg")?.getAttribute("aria-label")).toBe("60 contributions in the order of the rows");
    expect(view.$(".jx-over .pos")?.getAttribute("d")?.split("M")).toHaveLength(31);
    const field = view.$(".find") as HTMLInputElement;
    const find = async (text: string) => {
      field.value = text;
      field.dispatchEvent(new Event("input", { bubbles: true }));
      await painted();
      return view.all('[role="rowheader"]').map((cell) => cell.textContent);
    };
    expect(await find("F5")).toEqual(["f5", ...Array.from({ length: 10 }, (_, i) => `f5${i}`)]);
    expect(await find("nothing")).toEqual([]);
    expect(view.root.textContent).toContain("No feature has this in its name.");
  });

  it("lets its bars glide to a newer estimate, not to another output", async () => {
    await show(table());
    const still = () => view.$(".jx-grid")?.classList.contains("still");
    expect(still()).toBe(false);
    view.$('[role="radio"][aria-checked="false"]')?.click();
    await vi.waitFor(() => expect(still()).toBe(true));
    await python(view.model, "frame", { ...(table().frame as Plain), seq: 9 });
    await vi.waitFor(() => expect(still()).toBe(false));
  });

  it("stands still with … before the first batch", async () => {
    const before = frame({ state: "running", n_features: 4, predictions: floats(0.635, 0.365) });
    await show({ ...table(), frame: before, status: status({ state: "running", rows: 0 }) });
    expect(view.all('[role="rowheader"]')).toHaveLength(4);
    expect(view.all(".jx-row:not(.th) .num").map((cell) => cell.textContent)).toEqual(["…", "…", "…", "…"]);
    expect(view.words(".jx-eq")).toBe("0.635 prediction; intercept not known yet");
    expect(view.words(".jx-state")).toBe("calling the model · 0 of 3,000 rows");
  });

  it("makes room for weights in billions: a number that is cut says something else", async () => {
    const state = table({}, { values: floats(1.9e9, -8e7, 2e7, 1e7, -1.9e9, 8e7, -2e7, -1e7) });
    (state.geometry as { output_unit: string }).output_unit = "raw";
    const { root } = await show(state);
    const grid = root.querySelector<HTMLElement>(".jx-grid") as HTMLElement;
    expect(Number.parseFloat(grid.style.getPropertyValue("--numbers"))).toBeGreaterThan(130);
    expect(grid.textContent).toContain("+1,900,000,000");
    expect(grid.querySelector(".jx-ax")?.textContent).not.toContain("raises");
  });

  it("of an exact method prints no ±", async () => {
    const state = table();
    const { std_errors: _, ...exact } = state.frame as Record<string, unknown>;
    await show({ ...state, frame: exact });
    expect(view.words(".jx-row:not(.th) .num")).toBe("+0.156");
    expect(view.words(".jx-foot")).not.toContain("could be zero");
  });
});

describe("a text", () => {
  it("marks words by their offsets and keeps every character", async () => {
    await show(review());
    expect(view.$(".tx-body")?.textContent).toBe("So dull, so dull!");
    expect(view.all(".w").map((word) => word.className)).toEqual(["w", "w pos", "w neg", "w pos"]);
    expect(view.all(".w")[1]?.getAttribute("aria-label")).toBe("dull, +0.157 ±0.008");
    expect(view.all(".w")[1]?.style.getPropertyValue("--h")).toBe("5px");
    expect(view.words(".jx-eq")).toBe("0.553 intercept+ 0.187 4 words= 0.787 model 0.793fits well, R² 0.92");
    expect(view.all(".tx-r .wd").map((word) => word.textContent)).toEqual(["dull", "dull", "so", "So"]);
  });

  it("groups equal words by adding their weights", async () => {
    await show(review());
    view.$(".chk input")?.click();
    await painted();
    expect(view.model.get("display")).toEqual({ grouped: true });
    expect(view.all(".tx-r .wd").map((word) => word.textContent)).toEqual(["dull ×2", "So ×2"]);
    expect(view.all(".tx-r .num").map((word) => word.textContent)).toEqual(["+0.257", "\u22120.070"]);
  });

  it("links list and text both ways", async () => {
    await show(review());
    view.all(".tx-r")[0]?.dispatchEvent(new Event("pointerenter"));
    await painted();
    expect(view.all(".w").map((word) => word.classList.contains("hot"))).toEqual([false, true, false, false]);
    expect(view.words(".tx-key")).toBe("dull +0.157 ±0.008");
  });

  it("moves through the words with arrows, one tab stop", async () => {
    await show(review());
    expect(view.all('.w[tabindex="0"]')).toHaveLength(1);
    view.all(".w")[0]?.focus();
    view.$(".tx-body")?.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
    await painted();
    expect(document.activeElement?.textContent).toBe("dull");
    expect(view.all('.w[tabindex="0"]').map((word) => word.textContent)).toEqual(["dull"]);
  });

  it.each([
    [
      "Japanese without spaces",
      "映像は美しい",
      [
        [0, 2],
        [2, 3],
        [3, 6],
      ],
      ["映像", "は", "美しい"],
    ],
    [
      "Arabic",
      "التصوير جميل",
      [
        [0, 7],
        [8, 12],
      ],
      ["التصوير", "جميل"],
    ],
    [
      "emoji, as UTF-16 units",
      "a 👩‍👩‍👧 fine day",
      [
        [0, 1],
        [2, 10],
        [11, 15],
        [16, 19],
      ],
      ["a", "👩‍👩‍👧", "fine", "day"],
    ],
  ])("in %s is cut where the offsets say", async (_, words, offsets, units) => {
    await show(
      text(
        words,
        offsets as number[][],
        (offsets as number[][]).map(() => 0.2),
      ),
    );
    expect(view.all(".w").map((word) => word.textContent)).toEqual(units);
    expect(view.$(".tx-body")?.textContent).toBe(words);
    expect(view.$(".tx-body")?.getAttribute("dir")).toBe("auto");
  });
});

describe("an image", () => {
  it("counts pieces, splits the sum and lists pieces by weight", async () => {
    await show(image());
    expect(view.words(".jx-say")).toBe("1 of 3 pieces raise it, 1 lower it, 1 could be zero.");
    expect(view.words(".jx-eq")).toContain("+ 0.029− 0.011 3 pieces= 0.380 model 0.385");
    expect(view.all('.pieces [role="option"]').map((piece) => piece.getAttribute("aria-label"))).toEqual([
      "piece 1, +0.028 ±0.006",
      "piece 2, \u22120.011 ±0.004",
      "piece 3, +0.001 ±0.008, could be zero",
    ]);
    expect(view.words(".jx-foot")).toContain("Hidden pieces take their mean colour.");
    expect(view.words(".rdo")).toBe("largest: piece 1 +0.028 ±0.006");
  });

  it("names the largest piece whatever the order of the list", async () => {
    const { frame: first, ...state } = image({ display: { sort: "original" } });
    const values = floats(0.001, -0.011, 0.028, 0.01, 0.02, 0);
    await show({ ...state, frame: { ...(first as Plain), values } });
    expect(view.words(".rdo")).toContain("largest: piece 3 +0.028");
  });

  it("follows opacity and threshold at once and shares them", async () => {
    await show(image());
    const [opacity, threshold] = view.all('input[type="range"]') as HTMLInputElement[];
    if (!opacity || !threshold) throw new Error("no sliders");
    opacity.value = "40";
    opacity.dispatchEvent(new Event("input", { bubbles: true }));
    threshold.value = "50";
    threshold.dispatchEvent(new Event("input", { bubbles: true }));
    await painted();
    expect(view.model.get("display")).toEqual({ opacity: 0.4, threshold: 0.5 });
    expect(view.words(".im-c")).toContain("40 %");
    expect(threshold.getAttribute("aria-valuetext")).toBe("1 piece shown");
  });

  it("offers the other 997 outputs, listed when the select is opened", async () => {
    await show(image());
    expect(view.all('[role="radio"]').map((radio) => radio.textContent)).toEqual([
      "tiger cat 0.385",
      "Egyptian cat 0.363",
      "class 281 0.167",
    ]);
    const select = view.$(".jx-others") as HTMLSelectElement;
    expect(select.options).toHaveLength(1);
    expect(select.textContent).toBe("+997");
    select.dispatchEvent(new Event("pointerdown"));
    await painted();
    expect(select.options).toHaveLength(998);
    select.value = "7";
    select.dispatchEvent(new Event("change", { bubbles: true }));
    await painted();
    expect(view.model.get("request")).toEqual({ targets: [282, 285, 7] });
    expect(view.model.get("display")).toEqual({ target: 7 });
    expect(view.$('[aria-checked="true"]')?.textContent).toBe("class 7 < 0.001");
  });
});

describe("what has to be said", () => {
  const failed = (patch = {}) =>
    status({
      state: "failed",
      rows: 640,
      error: {
        title: "Your model raised ValueError.",
        message: "bad",
        where: "a.py, line 4",
        hint: "Encode it.",
        traceback: "Trace",
        ...patch,
      },
    });

  it("an error is an alert with the user's line and a way out; the last picture stays", async () => {
    await show({ ...table(), status: failed() });
    expect(view.words('[role="alert"]')).toContain("Your model raised ValueError.bad a.py, line 4Encode it.Try again");
    expect(view.all('[role="rowheader"]')).toHaveLength(4);
    view.$('[role="alert"] button')?.click();
    expect(view.model.sent).toContainEqual({ type: "retry", id: expect.any(Number) });
  });

  it("nothing to explain", async () => {
    const error = failed({ title: "Nothing to explain: the input has 0 rows.", message: "", where: "" });
    await show({ ...table(), geometry: {}, frame: {}, status: error });
    expect(view.root.textContent).toContain("No prediction yet");
    expect(view.words('[role="alert"]')).toContain("Nothing to explain: the input has 0 rows.");
  });

  it("a poor fit, with what can be done about it", async () => {
    const poor = {
      method: "lime",
      additive: false,
      r2: floats(0.363, 0.3),
      local_predictions: floats(0.433, 0.5),
      params: { kernel_width: 3 },
    };
    await show(table({}, poor));
    expect(view.words(".jx-msg.warn")).toContain("Do not rely on this one yet.");
    expect(view.words(".jx-eq")).toContain("fits poorly, R² 0.36; says 0.43");
    const [narrow, other] = view.all(".jx-msg.warn button");
    narrow?.click();
    expect(view.model.get("request")).toEqual({ params: { kernel_width: 1.5 } });
    other?.click();
    expect(view.model.get("request")).toMatchObject({ method: "kernel_shap" });
  });

  it("no feature matters", async () => {
    await show(
      table({}, { values: floats(...new Array(8).fill(0)), std_errors: floats(...new Array(8).fill(0)), n_rows: 600 }),
    );
    expect(view.words(".jx-msg")).toContain("No feature changes this output: 600 altered rows all gave 0.635.");
    expect(view.all('[role="rowheader"]')).toHaveLength(0);
  });

  it("notices of run and estimate, once each", async () => {
    await show(table({ status: status({ notices: ["halved", "both"] }) }, { notices: ["both"] }));
    expect(view.all(".jx-msg p").map((line) => line.textContent)).toEqual(["halved", "both"]);
  });

  it("a saved view offers nothing that needs a kernel", async () => {
    await show(table({}, { targets: [0], target_names: ["bad credit"] }), { live: false });
    expect(view.words(".jx-msg")).toContain("Saved view, no kernel.");
    expect(view.words(".jx-state")).toBe("saved · 3,000 rows · seed 0");
    expect(view.$('select[aria-label="method"]')).toBeNull();
    expect(view.all("button").map((button) => button.textContent)).not.toContain("More samples");
    view.all('[role="radio"]')[1]?.click();
    await painted();
    expect(view.model.get("request")).toEqual({});
    expect(view.$('[aria-checked="true"]')?.textContent).toContain("bad credit");
  });

  it("a dead kernel", async () => {
    await show(table());
    vi.spyOn(view.model, "send").mockImplementation(() => {
      throw new Error("Cannot send");
    });
    view.model.emit("comm_live_update");
    await painted();
    expect(view.words(".jx-msg.warn")).toContain("The kernel has gone");
    expect(view.words(".jx-state")).toContain("saved");
  });

  it("a regression has its unit after the number", async () => {
    const state = table();
    const layout = (state.geometry as { layout: unknown }).layout;
    await show({
      ...state,
      geometry: geometry(layout, { output_names: ["price"], n_outputs: 1, output_unit: "raw", threshold: null }),
      frame: frame({
        targets: [0],
        target_names: ["price"],
        n_features: 4,
        value_unit: "DM",
        additive: true,
        values: floats(9000, -3500.4, 120, 4),
        predictions: floats(213456),
        base_values: floats(207832.4),
        gap: floats(0),
      }),
    });
    expect(view.words(".jx-outs")).toBe("predicted price 213,456 DM");
    expect(view.words(".jx-row:not(.th) .num")).toBe("+9,000");
    expect(view.words(".jx-eq")).toContain("= 213,456");
  });
});
