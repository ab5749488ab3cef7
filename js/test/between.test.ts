/** What is said and drawn between two estimates, and where. */
import { afterEach, expect, it } from "vitest";
import type { Frame } from "../src/schema.gen";
import { revive } from "../src/standin";
import { floats, frame, type Plain, status, table } from "./fixtures";
import { type Mounted, mounted, painted, python } from "./mounted";

let view: Mounted;
const show = async (state: Plain) => {
  view = mounted(state);
  await painted();
  return view;
};
afterEach(() => view?.close());

it("says how far curves reach beneath the picture, and all else above it", async () => {
  const far = "Response curves of the 40 largest of 54 features that can be moved.";
  const state = table();
  await show({ ...state, status: { ...(state.status as Plain), notices: [far, "The batch was halved."] } });
  expect(view.words(".jx-msg.note")).toBe("The batch was halved.");
  expect(view.words(".jx-foot")).toContain(far);
});

it("keeps weights and a poor fit's warning until the next run has its own", async () => {
  const poor = { r2: floats(0.36, 0.36), local_predictions: floats(0.43, 0.57) };
  const { model } = await show(table({}, poor));
  const numbers = () => view.all(".jx-row:not(.th) .num").map((cell) => cell.textContent);
  const before = numbers();
  const begun = { n_features: 4, predictions: floats(0.2, 0.8), state: "running", method: "", n_evals: 0 };
  const { method_label } = model.get("frame") as Frame;
  const tell = (patch: Partial<Frame>) => python(model, "frame", revive(frame({ ...begun, ...patch })));
  await python(model, "status", status({ state: "running", rows: 0, run: 7 }));
  await tell({ run: 7, method_label });
  expect(view.words('[aria-checked="true"] .v')).toBe("0.200");
  expect(numbers()).toEqual(before);
  expect(view.root.hasAttribute("data-carried")).toBe(true);
  expect(view.words(".jx-msg.warn")).toContain("says 0.43");
  // another method starts from nothing
  await tell({ run: 8, method_label: "Another" });
  expect(numbers()).toEqual(["…", "…", "…", "…"]);
  expect(view.root.hasAttribute("data-carried")).toBe(false);
});
