import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import one from "../src/index";
import { ALL, dotsOf, driversOf, firstOutput, listed, numbersOf, predictionOf, rowOf } from "../src/overview";
import type { Overview } from "../src/schema.gen";
import { revive, StandIn } from "../src/standin";
import { status, table } from "./fixtures";
import { type Mounted, mounted, painted, python } from "./mounted";

/** States written by Python's own encoder. */
const folder = resolve(import.meta.dirname, "../../tests/golden/overviews");
const golden = (name: string) => JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8"));
const read = (name: string) => (revive(golden(name)) as { overview: Overview }).overview;

let view: Mounted;
const show = async (name: string, patch: object = {}, options = {}) => {
  view = mounted({ uid: name, ...golden(name), ...patch }, options);
  await painted();
  return view;
};
afterEach(() => view?.close());
const names = () => view.all("[role=rowheader]").map((cell) => cell.textContent?.trim());
const sent = () => view.model.sent as { type: string; row?: number; output?: string }[];
const press = async (element: Element | null | undefined) => {
  expect(element).toBeTruthy();
  (element as HTMLElement).click();
  await painted();
};

describe("an overview's buffers", () => {
  const credit = read("credit");

  it("are one output's numbers, or those over all", () => {
    const [all, bad] = [numbersOf(credit, ALL), numbersOf(credit, 1)];
    expect(all.values[0]).toBeCloseTo(0.12);
    expect(all.signed).toBeNull();
    expect(bad.values).toHaveLength(12);
    expect(bad.signed?.[0]).toBeCloseTo(-(numbersOf(credit, 0).signed?.[0] ?? Number.NaN));
  });

  it("begin with the output that thresholds are set for, of many with all", () => {
    expect(firstOutput(credit)).toBe(1);
    expect(firstOutput(read("many"))).toBe(ALL);
    expect(firstOutput({ ...credit, output_names: ["price"] })).toBe(0);
  });

  it("are dots: a row's weight and value, and rows without the feature are left out", () => {
    const dots = dotsOf(credit, 1, 0);
    expect(dots).toHaveLength(24);
    expect(dots.every(({ height }) => height >= 0 && height <= 1)).toBe(true);
    const mirrored = dotsOf(credit, 0, 0);
    expect(mirrored[3]?.weight).toBeCloseTo(-(dots[3]?.weight ?? 0), 3);
    expect(dotsOf(credit, 1, credit.names.indexOf("foreign worker"))).toHaveLength(19);
  });

  it("over all outputs are a row's weight for the class that the model predicts, or its largest", () => {
    const [all, good, bad] = [dotsOf(credit, ALL, 0), dotsOf(credit, 0, 0), dotsOf(credit, 1, 0)];
    const decided = credit.dots?.predicted as number[];
    expect(new Set(decided)).toEqual(new Set([0, 1]));
    expect(all.map(({ weight }) => weight)).toEqual(decided.map((own, i) => (own ? bad : good)[i]?.weight));
    const { predicted: _, ...dots } = credit.dots as NonNullable<Overview["dots"]>;
    const unknown = dotsOf({ ...credit, dots }, ALL, 0);
    expect(unknown.map(({ weight }) => Math.abs(weight))).toEqual(
      good.map(({ weight }, i) => Math.max(Math.abs(weight), Math.abs(bad[i]?.weight ?? 0))),
    );
  });

  it("are filled by the class that the model predicts, without one by their value", () => {
    const decided = credit.dots?.predicted as number[];
    expect(dotsOf(credit, 1, 0).map(({ filled }) => filled)).toEqual(decided.map((own) => own === 1));
    expect(dotsOf(credit, 0, 0).map(({ filled }) => filled)).toEqual(decided.map((own) => own === 0));
    for (const dot of dotsOf(credit, ALL, 0)) expect(dot.filled).toBe(dot.height >= 0.5);
  });

  it("know what the model says for a row", () => {
    const said = [0, 1].map((output) => predictionOf(credit, output, 74));
    expect((said[0] as number) + (said[1] as number)).toBeCloseTo(1);
    expect(predictionOf(credit, 1, 75)).toBeNaN();
    expect(predictionOf(credit, ALL, 74)).toBeNaN();
  });

  it("name a category's values", () => {
    const values = new Set(dotsOf(credit, 1, credit.names.indexOf("purpose")).map(({ value }) => value));
    expect(values.has("car")).toBe(true);
    expect(values.has("radio, TV")).toBe(true);
  });

  it("tell which rows drive a feature, the heaviest first", () => {
    const drivers = driversOf(credit, 1, 0, 5);
    const sizes = drivers.map(({ weight }) => Math.abs(weight));
    expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
    expect(sizes[0]).toBe(Math.max(...dotsOf(credit, 1, 0).map(({ weight }) => Math.abs(weight))));
    const { dots: _, ...without } = credit;
    expect(driversOf(without, 1, 0, 5).map(({ row }) => row)).toEqual([0]);
  });

  it("tell what a row has", () => {
    const found = rowOf(credit, 1, 74, 4);
    expect(found).toHaveLength(4);
    expect(rowOf(credit, 1, 75, 4)).toEqual([]);
  });

  it("are listed by importance, by name, by support, and by what is looked for", () => {
    const numbers = numbersOf(credit, 1);
    const said = (by: "weight" | "name" | "support", wanted = "") =>
      listed(credit, numbers, by, wanted).map((at) => credit.names[at]);
    expect(said("weight")[0]).toBe("checking account");
    expect(said("name")[1]).toBe("age in years");
    expect(said("support").at(-1)).toBe("foreign worker");
    expect(said("weight", "credit")).toEqual(["credit history", "credit amount"]);
  });
});

describe("many rows", () => {
  it("are features by importance, with interval and dots; names are text", async () => {
    await show("credit");
    expect(names().slice(0, 3)).toEqual(["checking account", "duration", "credit history"]);
    expect(view.words(".gl [role=rowgroup] .num")).toMatch(/^0\.120 ±0\.028$/);
    expect(view.all(".gl svg").length).toBe(10);
    await press(view.$(".lnk"));
    expect(view.all(".gl svg").length).toBe(12);
    expect(view.all(".gl .hollow").length).toBe(3);
    expect(view.root.querySelector("img, script")).toBeNull();
    expect(view.words(".jx-say")).toContain("Over 150 rows checking account, duration, credit history weigh most");
    expect(view.words(".jx-state")).toBe("settled \u00b7 150 rows \u00b7 3 s \u00b7 seed 0");
    expect(view.$(".jx-meta .btn")).toBeNull();
  });

  it("are sorted by any column", async () => {
    await show("credit");
    const heads = view.all(".gl-h button");
    expect(heads.map((head) => head.textContent)).toEqual(["feature", "rows", "probability"]);
    await press(heads[0]);
    expect(names()[1]).toBe("age in years");
    expect(view.all("[aria-sort=ascending]")).toHaveLength(1);
    await press(heads[1]);
    expect(view.$("[aria-sort=descending]")?.textContent).toBe("rows");
  });

  it("columns of one name are opened one at a time", async () => {
    const { overview, ...rest } = golden("credit");
    view = mounted({ ...rest, overview: { ...overview, names: overview.names.map(() => "twice") } });
    await painted();
    for (const at of [1, 2]) {
      await press(view.all(".gl .nm button")[at]);
      expect(view.all(".gl .nm button[aria-expanded=true]")).toEqual([view.all(".gl .nm button")[at]]);
      expect(view.all(".gl-d")).toHaveLength(1);
    }
  });

  it("a bar opens the rows that drive it, by its name too", async () => {
    await show("credit");
    expect(view.$(".gl-d")).toBeNull();
    await press(view.$(".gl .nm button"));
    expect(view.$(".gl .nm button")?.getAttribute("aria-expanded")).toBe("true");
    expect(view.all(".gl-d .btn")).toHaveLength(8);
    await press(view.all(".gl .jx-bar")[1]?.closest("button"));
    expect(view.all(".gl-d")).toHaveLength(1);
    expect(view.$(".gl .nm button")?.getAttribute("aria-expanded")).toBe("false");
  });

  it("a row is asked for with the output, ringed in every strip, and said", async () => {
    await show("credit");
    await press(view.$(".gl .nm button"));
    const button = view.$(".gl-d .btn") as HTMLElement;
    const row = Number(/#(\d+)/.exec(button.textContent ?? "")?.[1]);
    await press(button);
    expect(sent().at(-1)).toMatchObject({ type: "row", row, output: "bad credit" });
    expect(view.model.get("display")).toMatchObject({ row });
    expect(view.all(".gl path.c").length).toBeGreaterThan(9);
    expect(view.words(".gl-o")).toContain(`Row #${row}`);
    expect(view.words(".gl-o")).toContain(`Opening row ${row}`);
    expect(view.$(".gl-d .btn")?.getAttribute("aria-pressed")).toBe("true");
    await python(view.model, "opened", { row, error: "There is no such row. <b>Pass</b> others." });
    expect(view.words(".gl-o .jx-msg")).toBe("There is no such row. <b>Pass</b> others.");
    await press(view.$(".gl-o .lnk"));
    expect(sent().at(-1)).toMatchObject({ type: "row", row: -1 });
    expect(view.$(".gl-o")).toBeNull();
  });

  it("a row that was asked for when the connection was lost is asked for again", async () => {
    const slots = new Set<(from: unknown, status: string) => void>();
    const changed = { connect: slots.add.bind(slots), disconnect: slots.delete.bind(slots) };
    const state = { uid: "cut", ...golden("credit") };
    const widget_manager = { kernel: { connectionStatusChanged: changed } };
    view = mounted(state, { model: Object.assign(new StandIn(state, { live: true }), { widget_manager }) });
    await painted();
    await press(view.$(".gl .nm button"));
    for (const slot of slots) slot(null, "connecting");
    await press(view.$(".gl-d .btn"));
    const rows = () => sent().filter(({ type }) => type === "row");
    const row = rows()[0]?.row;
    expect(rows()).toHaveLength(1);
    for (const slot of slots) slot(null, "connected");
    view.model.emit("msg:custom", { type: "pong", id: 9 });
    await painted();
    expect(rows()).toMatchObject([{ row }, { row, output: "bad credit" }]);
    await python(view.model, "opened", { row, error: "There is no such row." });
    for (const state of ["connecting", "connected"]) for (const slot of slots) slot(null, state);
    view.model.emit("msg:custom", { type: "pong", id: 10 });
    await painted();
    expect(rows()).toHaveLength(2);
  });

  it("a dot is its row", async () => {
    await show("credit");
    const strip = view.$(".gl svg") as unknown as SVGElement;
    strip.getBoundingClientRect = () => ({ left: 0, top: 0, width: 1000, height: 26 }) as DOMRect;
    const credit = read("credit");
    const dot = dotsOf(credit, 1, 0)[5];
    const scale = credit.dots?.scales[1] as number;
    const [x, y] = [1000 * (0.5 + (0.48 * (dot?.weight ?? 0)) / scale), 21 - 16 * (dot?.height ?? 0)];
    strip.dispatchEvent(new MouseEvent("pointermove", { clientX: x, clientY: y, bubbles: true }));
    await painted();
    expect(strip.querySelector("title")?.textContent).toMatch(/^row \d+: \d \S0\.\d{3}$/);
    strip.dispatchEvent(new MouseEvent("click", { clientX: x, clientY: y, bubbles: true }));
    await painted();
    const row = sent().at(-1)?.row ?? -1;
    const near = dotsOf(credit, 1, 0).find((each) => each.row === row);
    expect(near?.weight).toBeCloseTo(dot?.weight ?? Number.NaN, 2);
    const before = sent().length;
    strip.dispatchEvent(new MouseEvent("click", { clientX: 2000, clientY: 200, bubbles: true }));
    expect(sent()).toHaveLength(before);
  });

  it("the row's own view stands beneath, and goes when another is chosen", async () => {
    const child = new StandIn({ ...table(), uid: "child" } as never, { live: true });
    await show("credit", { display: { row: 74 } });
    const managed = view.model as unknown as { widget_manager: unknown };
    managed.widget_manager = {
      get_model: (name: string) => (name === "m1" ? Promise.resolve(child) : Promise.reject()),
      create_view: async (model: StandIn) => {
        const el = document.createElement("div");
        return { el, remove: one.render({ model, el }) };
      },
    };
    await python(view.model, "opened", { row: 74, model: "m1" });
    expect(view.all(".gl-o .jx .jx-row").length).toBeGreaterThan(3);
    expect(child.sent).toContainEqual(expect.objectContaining({ type: "hello" }));
    await python(view.model, "opened", { row: 74, model: "gone" });
    expect(view.$(".gl-o .jx")).toBeNull();
    expect(view.words(".gl-o")).toContain("This page cannot show it");
    expect(child.sent).toContainEqual(expect.objectContaining({ type: "bye" }));
  });

  it("a page without a kernel shows the stored row, and says what needs one", async () => {
    await show("credit", { opened: { row: 74 }, opened_state: table() }, { live: false });
    expect(view.words(".jx-state")).toContain("saved");
    expect(view.words(".gl-o .jx .jx-row:not(.th)")).toContain("+0.156");
    await press(view.all('[aria-label="Rows worth reading"] button')[1]);
    expect(view.words(".gl-o")).toContain("Run the cell to explain this row");
    expect(sent().filter(({ type }) => type === "row")).toEqual([]);
  });

  it("picked rows are cards that say what each adds", async () => {
    await show("credit");
    const cards = view.all('[aria-label="Rows worth reading"] .gl-c button');
    expect(cards).toHaveLength(3);
    expect(cards[1]?.textContent).toContain("covers 60 %");
    expect(cards[1]?.textContent).toContain("adds credit amount, purpose, savings");
    expect(cards[1]?.textContent).toContain("the words of row 37");
    await press(cards[1]);
    expect(sent().at(-1)).toMatchObject({ type: "row", row: 37 });
    expect(view.words(".jx-say")).toContain("3 picked rows cover 82 % of what matters.");
  });

  it("say how often each class is predicted, and what for a row and a card", async () => {
    await show("credit", { display: { row: 37 } });
    const choices = view.all("[role=radio]").map((radio) => radio.textContent?.replace(/\s+/g, " ").trim());
    expect(choices).toEqual(["all outputs", "good credit 116 rows", "bad credit 34 rows"]);
    expect(view.words(".jx-say")).toContain("weigh most for bad credit, predicted for 34 rows.");
    expect(view.words('[aria-label="By output"] button')).toContain("predicted for 116 rows");
    const cards = view.all('[aria-label="Rows worth reading"] .gl-c button');
    expect(cards[1]?.textContent).toContain("predicted bad credit 0.700");
    const says = predictionOf(read("credit"), 1, 37).toFixed(3);
    expect(view.words(".gl-o")).toContain(`Row #37 bad credit ${says}`);
    expect(view.words(".gl ~ p")).toContain("Filled: predicted bad credit.");
    expect(view.all(".gl path.h")).toHaveLength(10);
    await press(view.all("[role=radio]")[0]);
    expect(view.words(".gl ~ p")).toContain("Each is for the class predicted for its row. Filled: upper half");
    expect(view.all(".gl svg")).toHaveLength(10);
    expect(view.words(".gl-o")).not.toContain("bad credit 0.");
  });

  it("of numbers say the highest or the only one", async () => {
    const overview = golden("credit").overview;
    overview.output_unit = "raw";
    await show("credit", { overview });
    expect(view.words('[aria-label="Rows worth reading"] .gl-c button')).toContain("highest good credit 0.600");
    view.close();
    overview.picks[0].predicted = "";
    await show("credit", { overview });
    expect(view.words('[aria-label="Rows worth reading"] .gl-c button')).toMatch(/predicted 0\.600/);
  });

  it("outputs stand beside each other, and choosing one shows it above", async () => {
    await show("many");
    const cards = view.all('[aria-label="By output"] .gl-c button');
    expect(cards).toHaveLength(20);
    expect(cards[7]?.querySelectorAll(".gl-s")).toHaveLength(5);
    expect(view.all(".gl svg").length).toBeGreaterThan(5);
    expect(view.$('[role=radio][aria-checked="true"]')?.textContent?.trim()).toBe("all outputs");
    await press(cards[7]);
    expect(view.$('[role=radio][aria-checked="true"]')?.textContent?.trim()).toBe("talk.politics.group number 7");
    expect(view.all(".gl svg").length).toBeGreaterThan(0);
  });

  it("says nothing twice where one class mirrors the other", async () => {
    await show("credit");
    expect(view.$('[aria-label="By output"]')).not.toBeNull();
    const mirrored = golden("credit").overview;
    const half = Buffer.from(mirrored.values.$b64, "base64").subarray(4 * mirrored.names.length);
    mirrored.values.$b64 = Buffer.concat([half, half]).toString("base64");
    await python(view.model, "overview", revive(mirrored));
    expect(view.$('[aria-label="By output"]')).toBeNull();
    expect(names()).toHaveLength(10);
  });

  it("shows ten features, then more, and finds one of many", async () => {
    await show("many");
    expect(names()).toHaveLength(10);
    await press(view.all(".lnk").find((button) => button.textContent === "40 more"));
    expect(names()).toHaveLength(50);
    await press(view.all(".lnk").find((button) => button.textContent === "all 90"));
    expect(names()).toHaveLength(90);
    const search = view.$("input[type=search]") as HTMLInputElement;
    search.value = "WORD17";
    search.dispatchEvent(new Event("input", { bubbles: true }));
    await painted();
    expect(names()).toEqual(["word17"]);
  });

  it("pairs are squares, and the strongest are said", async () => {
    await show("credit");
    expect(view.all(".gl-m i")).toHaveLength(144);
    expect(view.words('[aria-label="Pairs"]')).toMatch(/Which act together .* with .* \d/);
    const list = view.$('[aria-label="Pairs"] details');
    expect(list?.querySelector("summary")?.textContent).toBe("all 66 pairs");
    expect(list?.textContent?.split("; ")).toHaveLength(66);
    expect(view.all(".gl-m .u, .gl-m .pos, .gl-m .neg")).toHaveLength(0);
    const errors = golden("credit").overview;
    errors.pairs.std_errors = errors.pairs.values;
    await python(view.model, "overview", revive(errors));
    expect(view.all(".gl-m .u")).toHaveLength(144);
  });

  it("pairs of one row have signs, of the chosen output, and a feature's own bend", async () => {
    const state = JSON.parse(readFileSync(resolve(folder, "../pairs.json"), "utf8"));
    view = mounted({ uid: "pairs", ...state });
    await painted();
    const pairs = () => view.$('[aria-label="Pairs"]') as HTMLElement;
    expect(view.all(".gl-m i")).toHaveLength(256);
    expect(view.all(".gl-m .nm")).toHaveLength(16);
    expect(pairs().textContent).toContain("Pairs of 2 more features are weaker.");
    expect(pairs().querySelector("summary")?.textContent).toBe("all 136 pairs");
    const told = pairs().querySelector("details")?.textContent ?? "";
    expect(told).toContain("with itself");
    expect(told).toMatch(/ with [^;]* \+\d/);
    expect(told).toMatch(/ with [^;]* \u2212\d/);
    const before = view.all(".gl-m .neg").length;
    const first = pairs().querySelector(".m .q")?.textContent;
    expect(view.root.querySelector("img, script")).toBeNull();
    await press(view.all("[role=radio]")[1]);
    expect(view.all(".gl-m .pos").length).toBeGreaterThanOrEqual(before);
    expect(pairs().querySelector(".m .q")?.textContent).not.toBe(first);
  });

  it("places of pictures are maps and no list", async () => {
    await show("places");
    expect(view.all("canvas")).toHaveLength(2);
    expect(view.$(".gl")).toBeNull();
  });

  it("streams: rows done, rate, time left, Stop; the order waits for the pointer", async () => {
    const running = { ...status({ state: "running", rows: 40, total: 150, rate: 53, seconds_left: 2 }) };
    await show("credit", { status: running });
    expect(view.words(".jx-state")).toContain("26 % \u00b7 40 of 150 rows \u00b7 53/s \u00b7 2 s left");
    (view.$(".gl .nm button") as HTMLElement).focus();
    const turned = golden("credit").overview;
    turned.names = [...turned.names].reverse();
    await python(view.model, "overview", revive(turned));
    expect(names()[0]).toBe("checking account");
    (document.activeElement as HTMLElement).blur();
    await python(view.model, "overview", revive({ ...turned }));
    expect(names()[0]).toBe("foreign worker");
    await press(view.$(".jx-meta .btn"));
    expect(sent().at(-1)?.type).toBe("stop");
  });

  it("before the first row it says so; a failure keeps the last picture", async () => {
    await show("credit", {
      overview: { schema: 1, names: [], output_names: [] },
      status: status({ state: "running" }),
    });
    expect(view.words(".jx-msg")).toBe("Explaining the first row.");
    const error = { title: "Your model raised ValueError.", message: "no", where: "", hint: "", traceback: "" };
    await python(view.model, "overview", revive(golden("credit").overview));
    await python(view.model, "status", status({ state: "failed", rows: 40, error }));
    expect(view.words(".jx-msg.error")).toContain("Your model raised ValueError.");
    expect(names()[0]).toBe("checking account");
  });
});
