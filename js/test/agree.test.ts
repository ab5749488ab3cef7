/** Every control of a view, one after another: a second place of the same view shows what it did. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it, vi } from "vitest";
import boards from "../src/boards";
import one from "../src/index";
import { StandIn } from "../src/standin";
import { board, column, movable } from "./boards";
import { type Plain, status, table } from "./fixtures";
import { painted } from "./mounted";

const folder = resolve(import.meta.dirname, "../../tests/golden");
const golden = (name: string): Plain => JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8"));

const error = {
  title: "Your model raised ValueError.",
  message: "no",
  where: "line 1",
  hint: "",
  traceback: "all of it",
};
const both = { output_names: ["bad", "good"], predictions: [0.635, 0.365] };
const twice = (label: string, values: number[]) =>
  column(label, [...values, ...values.map((value) => -2 * value)], { metrics: [[], []], notes: ["", ""] });
const columns = [twice("KernelSHAP", [0.1, -0.3, 0.2]), twice("LIME", [0.3, -0.1, 0.2])];
const made: Record<string, Plain> = {
  board: movable(board({ ...both, columns, pairs: [] })) as never,
  failed: { ...table(), status: status({ state: "failed", error }) },
};

const CONTROLS = "button, select, input, summary, [role=radio], [role=option]";

/** What hover, focus and scroll change, and the names by which parts of one place refer to each other. */
function said(root: HTMLElement): string {
  const copy = root.cloneNode(true) as HTMLElement;
  for (const node of [copy, ...copy.querySelectorAll("*")]) {
    for (const name of ["id", "for", "name", "tabindex", "aria-describedby", "aria-controls", "aria-activedescendant"])
      node.removeAttribute(name);
    node.classList.remove("hot", "on-hover");
  }
  const fields = [...root.querySelectorAll<HTMLInputElement>("input, select, details")].map((field) =>
    "open" in field ? (field as { open: unknown }).open : [field.value, field.checked],
  );
  return `${copy.innerHTML.replace(/></g, ">\n<")}\n${JSON.stringify(fields)}`;
}

function use(control: HTMLElement, round: number): void {
  const tell = (...types: string[]) => {
    for (const type of types) control.dispatchEvent(new Event(type, { bubbles: true }));
  };
  if (control instanceof HTMLSelectElement) {
    control.selectedIndex = (control.selectedIndex + 1) % control.options.length;
    tell("change");
  } else if (control instanceof HTMLInputElement && control.type !== "checkbox" && control.type !== "radio") {
    if (control.type === "range") control.value = String(Number(control.min) + (round + 1) * Number(control.step || 1));
    else if (control.type === "search") control.value = "e";
    else return; // what is being written is the focus's
    tell("input", "change");
  } else control.click();
}

/** The control by what it is, not by where: lists grow and shrink. */
const nameOf = (control: HTMLElement) =>
  [control.tagName, control.getAttribute("type"), control.getAttribute("role"), control.getAttribute("aria-label")]
    .concat(control.closest("[aria-label]")?.getAttribute("aria-label") ?? "", control.textContent)
    .join(" ")
    .replace(/\s+/g, " ")
    .replace(/[\d.,+\u2212]+/g, "0");

describe("two places of one view", () => {
  it.each([
    "table",
    "text",
    "image",
    "pixels",
    "pairs",
    "steps",
    "overviews/credit",
    "overviews/many",
    "board",
    "failed",
  ])(
    "of %s agree whatever is used",
    async (name) => {
      const state = made[name] ?? golden(name);
      const entry = ["board", "summary", "overview"].some((trait) => trait in state) ? boards : one;
      const model = new StandIn({ ...state, uid: name } as never, { live: true });
      const dispose = entry.initialize({ model });
      const places = [0, 1].map(() => document.body.appendChild(document.createElement("div")));
      const closers = places.map((el) => entry.render({ model, el }));
      const [first, second] = places.map((el) => el.querySelector<HTMLElement>(".jx")) as [HTMLElement, HTMLElement];
      // what a click is answered with stays beside it
      const own = (control: HTMLElement) => /^Cop(y|ied)/.test(control.textContent ?? "");
      const agree = (after: string) =>
        vi.waitFor(() => expect(said(second), `after ${after}`).toBe(said(first)), { timeout: 3000, interval: 20 });
      await painted();
      await agree("it opened");
      const used = new Set<string>();
      for (let round = 0; round < 400; round++) {
        const controls = [...first.querySelectorAll<HTMLElement>(CONTROLS)];
        const next = controls.find(
          (control) => !(control as HTMLButtonElement).disabled && !own(control) && !used.has(nameOf(control)),
        );
        if (!next) break;
        used.add(nameOf(next));
        use(next, round % 7);
        await new Promise((resolve) => setTimeout(resolve, 5));
        await agree(nameOf(next));
      }
      expect(used.size).toBeGreaterThan(5);
      for (const close of closers) close();
      dispose();
    },
    120_000,
  );
});
