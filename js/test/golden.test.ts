import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { float32 } from "../src/decode";
import { type Geometry, SCHEMA_VERSION } from "../src/schema.gen";
import { revive } from "../src/standin";
import type { Plain } from "./fixtures";
import { mounted, painted } from "./mounted";

/** States written by Python's own encoder: what crosses the wire is what the view reads. */
const folder = resolve(import.meta.dirname, "../../tests/golden");
const files = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith(".json")) : [];

describe("golden frames from Python", () => {
  it("are there", () => expect(files.length).toBeGreaterThan(5));

  it.each(files)("%s is read and drawn", async (file) => {
    const state = JSON.parse(readFileSync(join(folder, file), "utf8")) as Plain;
    const { geometry, frame } = revive(state) as { geometry: Geometry; frame: Record<string, never> };
    expect(geometry.schema).toBe(SCHEMA_VERSION);
    const view = mounted({ ...state, uid: file });
    await painted();
    expect(view.root.textContent).not.toContain("could not be drawn");
    const explained = (frame["target_names"] as string[] | undefined) ?? [];
    if (explained.length > 0) expect(view.root.textContent).toContain(explained[0]);
    const values = float32(frame["values"]);
    if (values) expect(values).toHaveLength(explained.length * Number(frame["n_features"]));
    view.close();
  });

  it("a map of pixels is told in the words of Python", async () => {
    const view = mounted(JSON.parse(readFileSync(join(folder, "pixels.json"), "utf8")) as Plain);
    await painted();
    expect(view.words(".jx-say")).toBe(
      "65 % of the weight raises it, most at the left; 35 % lowers it, most at the lower left.",
    );
    view.close();
  });
});
