import { reachable } from "../api/address";
import type { Captions, Clip } from "../api/wire";
import { preferences } from "../player/preferences.svelte";

export type PlayableCaptions = Captions & { url: string };

/** Whether `tag` is `wanted` or a narrower kind of it: `pt-BR` will do for `pt`, and the other way round. */
function suits(tag: string, wanted: string): boolean {
  const primary = (language: string) => language.toLowerCase().split("-")[0];
  return tag.toLowerCase() === wanted.toLowerCase() || primary(tag) === primary(wanted);
}

/** The track for a viewer of these languages, the dearest first; the first of all where none suits. */
export function pick<T extends { language: string }>(tracks: readonly T[], wishes: readonly string[]): T | null {
  for (const wish of wishes) {
    const found = tracks.find(({ language }) => language.toLowerCase() === wish.toLowerCase()) ?? tracks.find(({ language }) => suits(language, wish));
    if (found) return found;
  }
  return tracks[0] ?? null;
}

/** The captions to show with a clip: in the language chosen last, in one of the browser's, or in the clip's own. */
export function chooseCaptions(clip: Pick<Clip, "captions" | "language"> | undefined): PlayableCaptions | null {
  const tracks = (clip?.captions ?? []).filter((track): track is PlayableCaptions => track.url !== undefined);
  const wishes = [preferences.captionsLanguage, ...navigator.languages, clip?.language];
  const track = pick(tracks, wishes.filter((wish): wish is string => Boolean(wish)));
  return track && { ...track, url: reachable(track.url, location.href) };
}

/** The cues on screen. The browser times them; we show them, so that they keep clear of the controls. */
export class ShownCaptions {
  cues = $state.raw<readonly VTTCue[]>([]);
  language = $state("");

  /** Follows a track of the playing element until it is taken out. */
  follow(node: HTMLTrackElement, language: string): { destroy: () => void } {
    const { track } = node;
    const show = () => (this.cues = [...(track.activeCues ?? [])] as VTTCue[]);
    track.mode = "hidden";
    track.addEventListener("cuechange", show);
    this.language = language;
    return {
      destroy: () => {
        track.removeEventListener("cuechange", show);
        track.mode = "disabled";
        this.cues = [];
      },
    };
  }
}
