import { describe, expect, it } from "vitest";
import { parseStoryboard, tileAt } from "./storyboard";

const INDEX = `WEBVTT

00:00:00.000 --> 00:00:01.000
s00000.jpg#xywh=0,0,96,170

00:00:01.000 --> 00:00:02.500
s00001.jpg#xywh=96,170,96,170
`;

describe("storyboard", () => {
  const tiles = parseStoryboard(INDEX, "http://host/media/clip/version/storyboard/index.vtt");

  it("knows when each tile is shown and where it lies", () => {
    expect(tiles).toEqual([
      { url: "http://host/media/clip/version/storyboard/s00000.jpg", fromMs: 0, toMs: 1000, x: 0, y: 0, width: 96, height: 170 },
      { url: "http://host/media/clip/version/storyboard/s00001.jpg", fromMs: 1000, toMs: 2500, x: 96, y: 170, width: 96, height: 170 },
    ]);
  });

  it("finds the tile of a moment", () => {
    expect(tileAt(tiles, 999)).toBe(tiles[0]);
    expect(tileAt(tiles, 1000)).toBe(tiles[1]);
    expect(tileAt(tiles, 99_000)).toBe(tiles[1]);
    expect(tileAt([], 0)).toBeNull();
  });

  it("skips what is no cue of ours", () => {
    expect(parseStoryboard("<html>not found</html>", "http://host/")).toEqual([]);
    expect(parseStoryboard("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nhello\n", "http://host/")).toEqual([]);
  });
});
