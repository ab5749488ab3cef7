/** Rows glide where they are sorted anew, and the page is never laid out early for it while a hand drags. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { table } from "./fixtures";
import { type Mounted, mounted, painted } from "./mounted";

let view: Mounted;
let asked: number;
let glides: string[];

beforeEach(async () => {
  asked = 0;
  glides = [];
  vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener() {}, removeEventListener() {} }));
  Object.defineProperty(HTMLElement.prototype, "offsetTop", {
    configurable: true,
    get(this: HTMLElement) {
      asked++;
      return 26 * [...(this.parentElement?.children ?? [])].indexOf(this);
    },
  });
  Element.prototype.animate = function animate(this: Element, frames) {
    glides.push(`${(this as HTMLElement).dataset["row"]} ${(frames as { transform: string }[])[0]?.transform}`);
    return {} as Animation;
  };
  view = mounted(table());
  await painted();
});
afterEach(() => {
  view.close();
  vi.unstubAllGlobals();
  Reflect.deleteProperty(HTMLElement.prototype, "offsetTop");
  Reflect.deleteProperty(Element.prototype, "animate");
});

const rows = () => view.all("[data-row]").map((row) => row.dataset["row"]);

describe("rows", () => {
  it("glide from where they stood", async () => {
    const before = rows();
    view.$("[title='Sort by weight']")?.click(); // once more: as in the data
    await painted();
    const after = rows();
    expect(after).not.toEqual(before);
    const expected = after
      .map((row, place) => [row, 26 * (before.indexOf(row) - place)] as const)
      .filter(([, by]) => by !== 0)
      .map(([row, by]) => `${row} translateY(${by}px)`);
    expect(glides).toEqual(expected);
  });

  it("stand still, and are asked for no place, while a value is dragged", async () => {
    const slider = view.$(".jx-trk input") as HTMLInputElement;
    slider.value = String(Number(slider.value) + 1);
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    await painted();
    expect(view.$(".jx-val.moved")).not.toBeNull();
    expect([asked, glides]).toEqual([0, []]);
  });

  it("do not glide for readers who want less motion", async () => {
    vi.stubGlobal("matchMedia", () => ({ matches: true, addEventListener() {}, removeEventListener() {} }));
    const before = rows();
    view.$("[title='Sort by weight']")?.click();
    await painted();
    expect(rows()).not.toEqual(before);
    expect([asked, glides]).toEqual([0, []]);
  });
});
