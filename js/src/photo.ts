/** From the layout's bytes to a ground that can be painted on. */
import { type Binary, bytes, labelMap } from "./decode";
import { canvasSize, edgesOf, type Ground, indexMap, middles } from "./heat";
import type { ImageLayout } from "./schema.gen";

export interface Photo {
  ground: Ground;
  /** Middle of each piece, as shares of width and height; empty for pixel maps. */
  middles: [number, number][];
}

/** Longer side up to which a picture keeps its square pixels; the encoder stores these without loss. */
const TINY = 64;

export async function pixels(image: Binary, mime: string, width: number, height: number): Promise<Uint8ClampedArray> {
  // a bitmap from a blob needs no image address, which some hosts' content policies refuse
  const bitmap = await createImageBitmap(new Blob([bytes(image)], { type: mime }));
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("no canvas");
  // digits and icons: their few pixels are seen one by one
  context.imageSmoothingEnabled = Math.max(bitmap.width, bitmap.height) > TINY;
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  return context.getImageData(0, 0, width, height).data;
}

/** The cut of a photo that is there already. */
export async function cutAnew(
  ground: Ground,
  cut: { width: number; height: number; labels: Binary; pieces: number },
): Promise<Photo> {
  const { width, height } = ground;
  const index = indexMap({ width: cut.width, height: cut.height, labels: await labelMap(cut.labels) }, width, height);
  return {
    ground: { ...ground, index, edges: edgesOf(index, width, height) },
    middles: middles(index, width, height, cut.pieces),
  };
}

/** `map` is the size of a pixel map, for layouts without pieces. */
export async function loadPhoto(layout: ImageLayout, map: { width: number; height: number } | null): Promise<Photo> {
  const [width, height] = canvasSize(layout.width, layout.height);
  const [rgba, labels] = await Promise.all([
    pixels(layout.image, layout.mime, width, height),
    layout.labels ? labelMap(layout.labels) : null,
  ]);
  const size = labels ? layout : (map ?? layout);
  const index = indexMap({ width: size.width, height: size.height, labels }, width, height);
  return {
    ground: { width, height, rgba, index, edges: labels ? edgesOf(index, width, height) : new Uint8Array(0) },
    middles: labels ? middles(index, width, height, layout.n_features) : [],
  };
}
