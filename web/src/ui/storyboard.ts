import { reachable } from "../api/address";

/** Part of a picture, in its own pixels. */
export interface Tile {
  url: string;
  fromMs: number;
  toMs: number;
  x: number;
  y: number;
  width: number;
  height: number;
}

const CUE = /^(\d+):(\d\d):(\d\d)\.(\d{3}) --> (\d+):(\d\d):(\d\d)\.(\d{3})\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)$/gm;

/** Reads the index of a storyboard; addresses in it are relative to its own. What is not a cue of ours is skipped. */
export function parseStoryboard(text: string, base: string): Tile[] {
  return [...text.replaceAll("\r\n", "\n").matchAll(CUE)].map((match) => {
    const [fh, fm, fs, fms, th, tm, ts, tms] = match.slice(1, 9).map(Number) as [number, number, number, number, number, number, number, number];
    const [x, y, width, height] = match.slice(10, 14).map(Number) as [number, number, number, number];
    const ms = (h: number, m: number, s: number, rest: number) => ((h * 60 + m) * 60 + s) * 1000 + rest;
    return { url: new URL(match[9]!, base).href, fromMs: ms(fh, fm, fs, fms), toMs: ms(th, tm, ts, tms), x, y, width, height };
  });
}

/** The tile shown at a moment: the last one that began before it. */
export function tileAt(tiles: readonly Tile[], ms: number): Tile | null {
  return tiles.findLast((tile) => tile.fromMs <= ms) ?? tiles[0] ?? null;
}

const loaded = new Map<string, Promise<Tile[]>>();
/** Storyboards kept; a scrubber needs the current one, and the one before on the way back. */
const KEPT = 8;

/** Fetches a storyboard once; one that does not load is none. */
export function loadStoryboard(address: string): Promise<Tile[]> {
  const url = reachable(address, location.href);
  const known = loaded.get(url);
  if (known) return known;
  const loading = fetch(url)
    .then((response) => (response.ok ? response.text() : ""))
    .then((text) => parseStoryboard(text, url))
    .catch(() => []);
  loaded.set(url, loading);
  if (loaded.size > KEPT) loaded.delete(loaded.keys().next().value!);
  return loading;
}
