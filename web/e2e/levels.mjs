// hls.js in Chromium plays every rung of a clip, one after the other, and the frames are the right ones.
//
//   node levels.mjs URL-OF-THE-MULTIVARIANT-PLAYLIST
//
// Environment: PATCHES (JSON: colours as [r, g, b] of the upright picture's quarters: top left, top right, bottom
// left, bottom right), SECONDS (length of the clip); optional: LEVEL_MS, CHROMIUM, SHOTS.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { needEnv, openPage, shoot } from "./browser.mjs";

const [url] = process.argv.slice(2);
assert.ok(url, "usage: levels.mjs URL");
const PATCHES = JSON.parse(needEnv("PATCHES"));
const SECONDS = Number(needEnv("SECONDS"));
const LEVEL_MS = Number(process.env.LEVEL_MS ?? 60_000);
/** How far a channel may be off: H.264 keeps colours of large patches well within this. */
const COLOUR_TOLERANCE = 40;
const hlsScript = readFileSync(new URL("../node_modules/hls.js/dist/hls.min.js", import.meta.url), "utf8");

const { browser, page } = await openPage();
page.setDefaultTimeout(LEVEL_MS);
let step = "starting";
try {
  // A page of our own at the clip's origin: nothing of the app is in the way.
  const stage = new URL("/levels-of-a-clip", url).href;
  await page.route(stage, (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html><video muted playsinline></video>" }));
  await page.goto(stage);
  await page.addScriptTag({ content: hlsScript });

  step = "reading the playlist";
  const levels = await page.evaluate(async (source) => {
    const video = document.querySelector("video");
    const hls = new globalThis.Hls({ enableWorker: false });
    Object.assign(globalThis, { hls, video, errors: [] });
    // A busy machine keeps the player waiting, and a switch ends the load it no longer needs: no faults of the clip.
    hls.on("hlsError", (_, data) => {
      if (data.fatal || !/Stall|aborted/.test(data.details)) globalThis.errors.push(`${data.type} ${data.details}`);
    });
    const parsed = new Promise((resolve) => hls.once("hlsManifestParsed", resolve));
    hls.loadSource(source);
    hls.attachMedia(video);
    await parsed;
    return hls.levels.map(({ width, height }) => ({ width, height }));
  }, url);
  assert.ok(levels.length > 0, "there are no levels");

  for (const [index, level] of [...levels.entries(), ...[...levels.entries()].reverse()]) {
    step = `playing ${level.width} × ${level.height}`;
    const seen = await page.evaluate(playLevel, { index, level });
    assert.deepEqual([seen.width, seen.height], [level.width, level.height], `${step}: the picture is ${seen.width} × ${seen.height}`);
    assert.ok(Math.abs(seen.duration - SECONDS) < 0.15, `${step}: the clip lasts ${seen.duration} s`);
    assert.ok(seen.frames > 0, `${step}: no frame was shown`);
    for (const [quarter, colour] of PATCHES.entries()) {
      const off = Math.max(...colour.map((value, channel) => Math.abs(value - seen.patches[quarter][channel])));
      assert.ok(off <= COLOUR_TOLERANCE, `${step}: quarter ${quarter} is ${seen.patches[quarter]}, not ${colour}`);
    }
    await shoot(page, `level-${level.height}`);
  }

  step = "playing to the end";
  await page.evaluate(async () => {
    const { video } = globalThis;
    video.currentTime = Math.max(0, video.duration - 0.7);
    const ended = new Promise((resolve) => video.addEventListener("ended", resolve, { once: true }));
    await video.play();
    await ended;
  });
  const errors = await page.evaluate(() => globalThis.errors);
  assert.equal(errors.join(", "), "", "hls.js complained");
  console.log(`${levels.length} levels`);
} catch (error) {
  console.error(`levels: ${step}: ${error.message}`);
  process.exitCode = 1;
} finally {
  await browser.close();
}

/** Runs in the page: locks a level, plays from the start, and looks at what is on screen. */
async function playLevel({ index, level }) {
  const { hls, video } = globalThis;
  const before = video.getVideoPlaybackQuality().totalVideoFrames;
  const right = () =>
    video.videoWidth === level.width && video.videoHeight === level.height && video.currentTime > 0.3 && !video.seeking;
  const shown = () => video.getVideoPlaybackQuality().totalVideoFrames > before;
  // Chromium may lose a play that meets the emptying of its buffer, so the switch is asked for until it is seen.
  for (let waited = 0; !right() || !shown(); waited += 1) {
    if (waited % 200 === 0) {
      hls.currentLevel = index;
      video.currentTime = 0;
    }
    if (video.paused || video.ended) await Promise.race([video.play().catch(() => {}), new Promise((resolve) => setTimeout(resolve, 500))]);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  video.pause();
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  const context = canvas.getContext("2d");
  context.drawImage(video, 0, 0);
  const patches = [[1, 1], [3, 1], [1, 3], [3, 3]].map(([x, y]) => {
    const { data } = context.getImageData(Math.floor((canvas.width * x) / 4), Math.floor((canvas.height * y) / 4), 1, 1);
    return [...data.slice(0, 3)];
  });
  const frames = video.getVideoPlaybackQuality().totalVideoFrames - before;
  return { width: video.videoWidth, height: video.videoHeight, duration: video.duration, frames, patches };
}
