import { thumbHashToDataURL } from "thumbhash";

const decoded = new Map<string, string>();
const KEPT = 200;

/** The blurred placeholder of a poster as an image address; `null` for none or nonsense. */
export function thumbhashUrl(hash: string | null | undefined): string | null {
  if (!hash) return null;
  const known = decoded.get(hash);
  if (known) return known;
  try {
    const text = atob(hash.replaceAll("-", "+").replaceAll("_", "/"));
    const url = thumbHashToDataURL(Uint8Array.from(text, (char) => char.charCodeAt(0)));
    if (decoded.size >= KEPT) decoded.clear();
    decoded.set(hash, url);
    return url;
  } catch {
    return null;
  }
}
