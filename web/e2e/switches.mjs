// hls.js in Chromium plays a clip whose segments come from two rungs in turn, and no border between them is seen: no
// gap in what is buffered, no wait, and every picture at its time.
//
//   node switches.mjs URL-OF-THE-MULTIVARIANT-PLAYLIST
//
// Environment: SECONDS and RATE of a clip whose pictures bear their numbers (counter.mjs); optional: READY_MS, SHOTS, CHROMIUM.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { needEnv, openPage, shoot, within } from "./browser.mjs";
import { COLUMNS, findFault, firstRound, notePictures } from "./counter.mjs";

const [url] = process.argv.slice(2);
assert.ok(url, "usage: switches.mjs URL");
const SECONDS = Number(needEnv("SECONDS"));
const RATE = Number(needEnv("RATE"));
const READY_MS = Number(process.env.READY_MS ?? 60_000);
const hlsScript = readFileSync(new URL("../node_modules/hls.js/dist/hls.min.js", import.meta.url), "utf8");

const { browser, page } = await openPage();
page.setDefaultTimeout(READY_MS);
let step = "starting";
try {
  await page.addInitScript(notePictures, COLUMNS);
  const stage = new URL("/switches-of-a-clip", url).href;
  await page.route(stage, (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html><video muted playsinline></video>" }));
  await page.goto(stage);
  await page.addScriptTag({ content: hlsScript });

  step = "loading all of it, the rungs in turn";
  const loaded = await within(READY_MS, page.evaluate(loadInTurn, url));
  assert.equal(loaded.levels, 2, "there are two rungs");
  // At least there and back.
  const turns = loaded.rungs.filter((rung, at) => at > 0 && rung !== loaded.rungs[at - 1]).length;
  assert.ok(turns >= 2, `the rungs did not come in turn: ${loaded.rungs}`);
  assert.equal(loaded.buffered.length, 1, `what is buffered has gaps: ${JSON.stringify(loaded.buffered)}`);
  const [[from, to]] = loaded.buffered;
  assert.ok(from < 0.001 && Math.abs(to - SECONDS) < 2 / RATE, `from ${from} to ${to} is buffered`);

  step = "playing";
  const playing = page.evaluate(async () => {
    const { video } = globalThis;
    const ended = new Promise((resolve) => video.addEventListener("ended", resolve, { once: true }));
    await video.play();
    await ended;
  });
  await within(READY_MS, playing);
  const { pictures, stalls, errors } = await page.evaluate(() => ({ pictures: globalThis.pictures, stalls: globalThis.stalls, errors: globalThis.errors }));
  assert.equal(findFault(firstRound(pictures), { rate: RATE, total: SECONDS * RATE, skip: RATE / 2 }), null);
  assert.deepEqual(stalls, [], "it stood still");
  assert.deepEqual(errors, [], "hls.js complained");
  const heights = pictures.map(({ height }) => height);
  const seen = heights.filter((height, at) => at > 0 && height !== heights[at - 1]).length;
  assert.ok(seen >= 2, `the size changed ${seen} times`);
  await shoot(page, "switches");
  console.log(`${seen} switches`);
} catch (error) {
  console.error(`switches: ${step}: ${error.message}`);
  process.exitCode = 1;
} finally {
  await browser.close();
}

/** Runs in the page: buffers the whole clip, each segment from the other rung than the one before. */
async function loadInTurn(source) {
  const video = document.querySelector("video");
  const hls = new globalThis.Hls({ enableWorker: false, autoStartLoad: false, maxBufferLength: 120, maxMaxBufferLength: 120 });
  const rungs = [];
  const errors = [];
  Object.assign(globalThis, { hls, video, errors });
  // A switch ends the load it no longer needs.
  hls.on("hlsError", (_, data) => {
    if (data.fatal || data.details !== "aborted") errors.push(`${data.type} ${data.details}`);
  });
  hls.on("hlsFragBuffered", (_, { frag }) => {
    if (frag.type !== "main" || frag.sn === "initSegment") return;
    rungs.push(frag.level);
    hls.loadLevel = 1 - frag.level;
  });
  const parsed = new Promise((resolve) => hls.once("hlsManifestParsed", resolve));
  const whole = new Promise((resolve) => hls.on("hlsBufferedToEnd", resolve));
  hls.loadSource(source);
  hls.attachMedia(video);
  await parsed;
  hls.loadLevel = hls.levels.length - 1;
  hls.startLoad(0);
  await whole;
  const buffered = Array.from({ length: video.buffered.length }, (_, at) => [video.buffered.start(at), video.buffered.end(at)]);
  return { levels: hls.levels.length, rungs, buffered };
}
