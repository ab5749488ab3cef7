/** Light or dark, from what the host really paints: ink and ground are set together, so neither can be left alone. */
import { luminance, parseColour, type Rgb } from "./colours";

type Theme = "light" | "dark";

/** The ground of the first opaque ancestor, for hosts that do not have JupyterLab's variables. */
function groundOf(element: Element): string {
  for (let at: Element | null = element.parentElement; at; at = at.parentElement) {
    const colour = getComputedStyle(at).backgroundColor;
    if (colour && parseColour(colour)) return colour;
  }
  return "";
}

const themeOf = (ground: Rgb): Theme => (luminance(ground) < 0.4 ? "dark" : "light");

/** The reader's own colours: they replace the host's. */
const FORCED = "(forced-colors: active)";

export function measure(element: HTMLElement): { theme: Theme; ground: string | null } {
  if (globalThis.matchMedia?.(FORCED).matches) {
    const forced = parseColour(getComputedStyle(element).backgroundColor);
    if (forced) return { theme: themeOf(forced), ground: null };
  }
  const host = parseColour(getComputedStyle(element).getPropertyValue("--jp-layout-color0"));
  if (host) return { theme: themeOf(host), ground: null };
  const ground = groundOf(element);
  const measured = parseColour(ground);
  if (measured) return { theme: themeOf(measured), ground };
  return { theme: globalThis.matchMedia?.("(prefers-color-scheme: dark)").matches ? "dark" : "light", ground: null };
}

/** Keeps `data-theme` true to the host until the returned function is called. */
export function followTheme(element: HTMLElement): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const apply = () => {
    const { theme, ground } = measure(element);
    element.dataset["theme"] = theme;
    if (ground) element.style.setProperty("--bg", ground);
    else element.style.removeProperty("--bg");
  };
  const changed = () => {
    apply();
    // a host may change the attribute first and load the new theme's style sheet after it
    clearTimeout(timer);
    timer = setTimeout(apply, 300);
  };
  apply();
  const observer = new MutationObserver(changed);
  for (const watched of [document.body, document.documentElement])
    observer.observe(watched, {
      attributes: true,
      attributeFilter: ["class", "style", "data-jp-theme-light", "data-theme"],
    });
  const wishes = ["(prefers-color-scheme: dark)", FORCED].map((wish) => globalThis.matchMedia?.(wish));
  for (const wish of wishes) wish?.addEventListener("change", changed);
  changed();
  return () => {
    clearTimeout(timer);
    observer.disconnect();
    for (const wish of wishes) wish?.removeEventListener("change", changed);
  };
}
