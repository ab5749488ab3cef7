/** Colours that CSS cannot hold: those painted on photos, and how light a ground is. */

export type Rgb = readonly [number, number, number];

/** On photos the light theme's pair is used in both themes: the ground is the photo, turned grey under the heat. */
export const RAISES: Rgb = [181, 71, 8];
export const LOWERS: Rgb = [29, 100, 173];

/** Reads the forms that `getComputedStyle` and JupyterLab's variables use; null if see-through or unknown. */
export function parseColour(text: string): Rgb | null {
  const hex = /^#([0-9a-f]{3,8})$/i.exec(text.trim())?.[1];
  if (hex) {
    const digits = hex.length < 6 ? [...hex].map((digit) => digit + digit).join("") : hex;
    return [0, 2, 4].map((at) => Number.parseInt(digits.slice(at, at + 2), 16)) as unknown as Rgb;
  }
  const numbers = /^rgba?\(([^)]+)\)$/i.exec(text.trim())?.[1]?.match(/[\d.]+%?/g);
  if (numbers && numbers.length >= 3) {
    if (numbers[3] !== undefined && Number.parseFloat(numbers[3]) < 0.5) return null;
    return numbers.slice(0, 3).map((number) => Number.parseFloat(number)) as unknown as Rgb;
  }
  return { white: [255, 255, 255] as const, black: [0, 0, 0] as const }[text.trim().toLowerCase()] ?? null;
}

/** Relative luminance, 0 for black to 1 for white. */
export function luminance([red, green, blue]: Rgb): number {
  const linear = (channel: number) => {
    const share = channel / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}
