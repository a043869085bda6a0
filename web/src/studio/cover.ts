/** Largest short edge a picture is sent with: the server keeps 720. */
const SHORT_EDGE = 1440;
const QUALITY = 0.9;

export const COVER_TYPES = ["image/jpeg", "image/png", "image/webp"];

/** The size a picture is sent in: never larger than it is. */
export function coverSize(width: number, height: number): { width: number; height: number } {
  const scale = Math.min(1, SHORT_EDGE / Math.min(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/**
 * Makes a picture small enough to send, upright and without what a camera wrote into it. One the browser cannot read
 * goes as it is: the server judges.
 */
export async function prepareCover(file: File): Promise<Blob> {
  const bitmap = await createImageBitmap(file).catch(() => null);
  if (!bitmap) return file;
  const { width, height } = coverSize(bitmap.width, bitmap.height);
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d")?.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  return new Promise((resolve) => canvas.toBlob((blob) => resolve(blob ?? file), "image/jpeg", QUALITY));
}
