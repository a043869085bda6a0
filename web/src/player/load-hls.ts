import type Hls from "hls.js";

export type HlsClass = typeof Hls;

let loading: Promise<HlsClass | null> | null = null;

/** Fetches hls.js once, apart from the page's own code; `null` where the browser must play HLS by itself. */
export function loadHls(): Promise<HlsClass | null> {
  loading ??= import("hls.js").then(({ default: Class }) => (Class.isSupported() ? Class : null));
  loading.catch(() => (loading = null));
  return loading;
}
