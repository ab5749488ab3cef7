import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const src = resolve(import.meta.dirname, "../src");
const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((file) => /\.tsx?$/.test(file));
const read = (file: string) => readFileSync(join(src, file), "utf8");

/** What a file imports of ours, types apart. */
function imports(file: string): { path: string; typeOnly: boolean }[] {
  const found = [...read(file).matchAll(/^(?:import|export)\s+(type\s+)?[^;]*?from\s+"(\.[^"]+)";/gm)];
  return found.map(([, type, path]) => ({
    path: relative(src, resolve(dirname(join(src, file)), path as string)),
    typeOnly: type !== undefined,
  }));
}

/** Pure parts that pictures and controls may use; the store they know by its types alone. */
const SHARED =
  /^(schema\.gen|scales|colours|format|words|features|outputs|ranking|heat|photo|darkroom|params|edits|columns|curves|flips|removal|sentences|strokes|python|decode|board|overview|guard|components\/.*)$/;

describe("rooms and arrows", () => {
  const drawn = files.filter((file) => /^(views|controls|components)\//.test(file));

  it.each(drawn)("%s imports shared parts and the store's types only", (file) => {
    const room = dirname(file);
    for (const { path, typeOnly } of imports(file)) {
      const known = SHARED.test(path) || (path === "store" && typeOnly) || dirname(path) === room;
      expect(known, `${file} imports ${path}`).toBe(true);
    }
  });

  it("only sync.ts touches anywidget's model", () => {
    const touching = files.filter((file) => /\b(save_changes|\.send\(\{|msg:custom|comm_live)/.test(read(file)));
    expect(touching.sort()).toEqual(["standin.ts", "sync.ts"]);
  });

  it("user text is never HTML, and nothing is fetched", () => {
    for (const file of files) {
      expect(read(file), file).not.toMatch(
        /dangerouslySetInnerHTML|innerHTML|outerHTML|insertAdjacentHTML|document\.write/,
      );
      expect(read(file), file).not.toMatch(/\bfetch\(|XMLHttpRequest|WebSocket|EventSource|sendBeacon|https?:\/\//);
    }
  });

  it("files stay short enough to read", () => {
    const written = files.filter((file) => !file.endsWith(".gen.ts"));
    for (const file of written) expect(read(file).split("\n").length, file).toBeLessThanOrEqual(400);
  });
});
