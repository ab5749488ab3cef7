/** What is said to those who do not see it: roles, names and live regions, as LOOK.md has them, in every kind of view. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterEach, expect, it } from "vitest";
import { board, state } from "./boards";
import { type Plain, status, table } from "./fixtures";
import { type Mounted, mounted, painted, python } from "./mounted";

const folder = resolve(import.meta.dirname, "../../tests/golden");
const golden = (name: string) => JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8")) as Plain;

let view: Mounted;
const show = async (given: Plain) => {
  view = mounted(given);
  await painted();
};
afterEach(() => view?.close());
const key = async (element: HTMLElement | null | undefined, name: string) => {
  element?.focus();
  element?.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true }));
  await painted();
};
const live = () => view.$(".jx-say")?.getAttribute("aria-live");

it("the sentence is read once it stands: not while it streams, nor under a moving hand", async () => {
  await show(golden("unicode"));
  expect(live()).toBe("off");
  view.close();
  await show(table());
  expect(live()).toBe("polite");
  const slider = view.$('input[type="range"]') as HTMLInputElement;
  slider.value = "2";
  slider.dispatchEvent(new Event("input", { bubbles: true }));
  await painted();
  expect(live()).toBe("off");
  slider.dispatchEvent(new Event("change", { bubbles: true }));
  await painted();
  expect(live()).toBe("polite");
});

it("a verdict is read once it stands", async () => {
  await show({ ...(state(board()) as Plain), status: status({ state: "running", rows: 2, total: 4 }) });
  expect(live()).toBe("off");
  await python(view.model, "status", status());
  expect(live()).toBe("polite");
});

it("where features are removed the reading is said, and not its number a second time", async () => {
  await show(golden("table"));
  const regions = () => view.all(".jx-rem [aria-live]").map((each) => [each.tagName, each.getAttribute("aria-live")]);
  const before = [
    ["OUTPUT", "off"],
    ["SPAN", "polite"],
  ];
  expect(regions()).toEqual(before);
  await key(view.$(".jx-rem input"), "PageUp");
  expect(regions()).toEqual(before);
  expect(view.$(".jx-rem input")?.getAttribute("aria-valuetext")).toMatch(
    /^10 of 19 features removed, probability 0\.\d{3}$/,
  );
});

it("a word says its weight, and whether it is struck", async () => {
  await show(golden("text"));
  const words = view.all(".tx-body .w");
  const dull = words.find((word) => word.textContent === "dull");
  expect(dull?.getAttribute("aria-label")).toBe("dull, +0.157 ±0.008");
  expect(dull?.getAttribute("aria-pressed")).toBe("false");
  await key(dull, " ");
  expect(dull?.getAttribute("aria-pressed")).toBe("true");
  expect(dull?.getAttribute("aria-label")).toBe("dull, struck");
  expect(view.all('.tx-body .w[tabindex="0"]')).toHaveLength(1);
});

it("words by weight are walked through with the arrows, and outlined in the text", async () => {
  await show(golden("text"));
  const rows = view.all(".tx-list li");
  await key(rows[0], "ArrowDown");
  expect(document.activeElement).toBe(rows[1]);
  const here = rows[1]?.querySelector("bdi")?.textContent;
  expect(view.all(".tx-body .w.hot").map((word) => word.textContent)).toEqual([here]);
  await key(rows[1], "ArrowUp");
  expect(document.activeElement).toBe(rows[0]);
});

it("values of a track are said with their unit and what the model says there", async () => {
  await show(table());
  const said = view.all(".jx-trk input").map((track) => track.getAttribute("aria-valuetext"));
  expect(said).toContain("36 months, probability 0.635");
  expect(said).toContain("overdrawn, probability 0.635");
});

it("of many rows the one that is open is said", async () => {
  await show(golden("overviews/credit"));
  const pressed = () => view.all(".gl-p button[aria-pressed=true]").map((pick) => pick.querySelector("b")?.textContent);
  const [first] = view.all('section[aria-label="Rows worth reading"] button');
  const row = first?.querySelector("b")?.textContent;
  const rest = pressed().filter((each) => !each?.startsWith("#"));
  first?.click();
  await painted();
  expect(pressed()).toEqual([...rest, row]);
  expect(view.$(".gl-o")?.getAttribute("aria-label")).toBe(`Row ${row?.slice(1)}`);
});
