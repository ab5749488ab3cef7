import { afterEach, describe, expect, it, vi } from "vitest";
import { revive } from "../src/standin";
import { floats, type Plain, status, table } from "./fixtures";
import { type Mounted, mounted, painted, python } from "./mounted";

let view: Mounted;
const show = async (state: Plain) => {
  view = mounted(state);
  await painted();
};
afterEach(() => view?.close());

describe("talking to Python", () => {
  it("says hello and bye, and Stop, Continue and More in their place", async () => {
    await show({ ...table(), status: status({ state: "running", rows: 240 }) });
    const types = () => view.model.sent.map((message) => (message as { type: string }).type);
    expect(types()).toEqual(["hello"]);
    view.$(".jx-meta .btn")?.click();
    await painted();
    expect(view.words(".jx-meta .btn")).toBe("Stopping…");
    await python(view.model, "status", status({ state: "stopped", rows: 240 }));
    view.$(".jx-meta .btn")?.click();
    await python(view.model, "status", status());
    view.$(".jx-foot > .btn")?.click();
    view.close();
    expect(types()).toEqual(["hello", "stop", "resume", "more", "bye"]);
    const ids = view.model.sent.map((message) => (message as { id: number }).id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("Esc stops", async () => {
    await show({ ...table(), status: status({ state: "running", rows: 240 }) });
    view.$('[role="radio"]')?.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
    expect(view.model.sent.at(-1)).toMatchObject({ type: "stop" });
  });

  it("who stopped or waited by keyboard is not lost when the button goes", async () => {
    await show({ ...table(), status: status({ state: "running", rows: 240 }) });
    const stop = view.$(".jx-meta .btn") as HTMLElement;
    stop.dispatchEvent(new KeyboardEvent("keydown", { key: "Tab", bubbles: true }));
    stop.focus();
    await python(view.model, "status", status());
    await vi.waitFor(() => expect(document.activeElement?.getAttribute("aria-label")).toBe("method"), 10_000);
    expect(view.$(".jx-meta .btn")).toBeNull();
    // without a row of controls around it: the first of the view
    view.close();
    await show({
      ...table(),
      status: status({
        state: "failed",
        error: { title: "It fell.", message: "", where: "", hint: "", traceback: "" },
      }),
    });
    (view.$(".jx-msg .btn") as HTMLElement).focus();
    await python(view.model, "status", status({ state: "running", rows: 1 }));
    await vi.waitFor(() => expect(document.activeElement?.getAttribute("role")).toBe("radio"), 10_000);
    expect(view.$(".jx-msg.error")).toBeNull();
    // who went elsewhere is left there
    view.$("select")?.focus();
    view.$("select")?.blur();
    await painted();
    await python(view.model, "status", status());
    expect(document.activeElement).toBe(document.body);
  });

  it("a method that does not apply says why and cannot be chosen", async () => {
    await show(table());
    const select = view.$('select[aria-label="method"]') as HTMLSelectElement;
    const options = [...select.options];
    expect(options.map((option) => option.disabled)).toEqual([false, false, true]);
    expect(options[2]?.title).toBe("needs a torch network");
    select.value = "lime";
    select.dispatchEvent(new Event("change", { bubbles: true }));
    expect(view.model.get("request")).toEqual({ method: "lime", params: {} });
  });

  it("arrows move and select an output; only the display changes", async () => {
    await show(table());
    view
      .$(`[role="radio"][aria-checked="true"]`)
      ?.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
    await painted();
    expect(view.model.get("display")).toEqual({ target: 1 });
    expect(view.model.get("request")).toEqual({});
    expect(view.words(".jx-row:not(.th) .num")).toContain("\u22120.156");
    expect(view.all('[role="radio"]').map((radio) => radio.tabIndex)).toEqual([-1, 0]);
  });

  it("a new frame is painted, a stale one is not", async () => {
    await show(table());
    const values = floats(0.3, 0.2, 0.1, 0.05, 0, 0, 0, 0);
    await python(view.model, "frame", revive({ ...(table().frame as object), seq: 2, values }));
    expect(view.words(".jx-row:not(.th) .num")).toContain("+0.300");
    await python(view.model, "frame", revive(table().frame));
    expect(view.words(".jx-row:not(.th) .num")).toContain("+0.300");
  });
});
