import { reachable } from "../api/address";
import type { WatchItem } from "./feed.svelte";

interface Controls {
  toggle(): Promise<void>;
}

/** Tells the system's own controls (lock screen, keyboard) what plays. */
export function announceToSystem(item: WatchItem | undefined, stage: Controls): void {
  if (!("mediaSession" in navigator) || !item) return;
  const { clip } = item;
  navigator.mediaSession.metadata = new MediaMetadata({
    title: clip.caption || "A clip",
    artist: clip.creator.name || clip.creator.handle,
    artwork: clip.poster_url ? [{ src: reachable(clip.poster_url, location.href) }] : [],
  });
  navigator.mediaSession.setActionHandler("play", () => void stage.toggle());
  navigator.mediaSession.setActionHandler("pause", () => void stage.toggle());
}

/** The system's next and previous keys move through the feed. */
export function steerFromSystem(step: (by: number) => void): () => void {
  if (!("mediaSession" in navigator)) return () => {};
  navigator.mediaSession.setActionHandler("nexttrack", () => step(1));
  navigator.mediaSession.setActionHandler("previoustrack", () => step(-1));
  return () => {
    for (const action of ["play", "pause", "nexttrack", "previoustrack"] as const) navigator.mediaSession.setActionHandler(action, null);
    navigator.mediaSession.metadata = null;
  };
}
