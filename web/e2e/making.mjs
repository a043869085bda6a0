// A clip is watched on its own page while it is still in the making: it begins on playlists that do not end yet, waits
// where they end for now, goes on as they grow, changes the rung, and reaches the last picture.
//
// Environment: BASE_URL, CLIP_ID, SECONDS and RATE of a portrait clip whose pictures bear their numbers (counter.mjs); optional:
// READY_MS, SHOTS, CHROMIUM. Says "begun" once it waits for more and no playlist ends; whoever started it lets the rest be made then.
import assert from "node:assert/strict";
import { needEnv, openPage, shoot } from "./browser.mjs";
import { COLUMNS, findFault, firstRound, notePictures } from "./counter.mjs";

const BASE = needEnv("BASE_URL").replace(/\/$/, "");
const CLIP_ID = needEnv("CLIP_ID");
const SECONDS = Number(needEnv("SECONDS"));
const RATE = Number(needEnv("RATE"));
const READY_MS = Number(process.env.READY_MS ?? 120_000);
/** Some reloads of the playlists. */
const WAIT_MS = 5_000;
/** Enough for the smallest rung and the sound, and for no other. */
const POOR_BYTES_PER_S = 75_000;
/** Longest run of pictures a busy machine may leave out. */
const SKIP = RATE;

// A screen as fine as a phone's, so that the larger rungs are worth their while.
const { browser, page, complaints } = await openPage({ deviceScaleFactor: 2 });
page.setDefaultTimeout(READY_MS);
let step = "starting";
try {
  await page.addInitScript(notePictures, COLUMNS);

  step = "beginning to watch";
  await page.goto(`${BASE}/c/${CLIP_ID}`);
  await page.waitForFunction(() => globalThis.pictures?.length > 5);

  step = "reading the playlists";
  const playlists = await readPlaylists();
  assert.ok(playlists.length >= 4, `three rungs and sound are listed: ${playlists.map(({ name }) => name).join(", ")}`);
  for (const { name, text } of playlists) {
    assert.ok(text.includes("#EXT-X-PLAYLIST-TYPE:EVENT"), `${name} is no EVENT playlist`);
    assert.ok(!text.includes("#EXT-X-ENDLIST"), `${name} has an end already`);
    assert.equal(text.match(/#EXTINF/g)?.length, 1, `${name} lists more than the first segment`);
  }
  await shoot(page, "making-begun");

  step = "waiting where the clip ends for now";
  await page.waitForFunction(() => globalThis.stalls.some((at) => at > 0.9));
  // A viewer who skips ahead lands there too, some milliseconds after the last picture: sound is cut elsewhere.
  await page.evaluate((seconds) => {
    for (const video of document.querySelectorAll("video")) if (video.readyState > 0) video.currentTime = seconds;
  }, SECONDS / 2);
  await page.waitForTimeout(WAIT_MS);
  const sofar = await page.evaluate(() => globalThis.pictures.map(({ number }) => number));
  assert.ok(sofar.every((number, at) => at === 0 || number > sofar[at - 1]), `it did not wait but went back: ${sofar}`);
  console.log("begun");

  step = "watching on a good link";
  await page.waitForFunction(() => globalThis.pictures.at(-1).mediaTime > 1 && globalThis.pictures.at(-1).height > 640);

  step = "watching to the end on a poor link";
  const network = await page.context().newCDPSession(page);
  await network.send("Network.enable");
  await network.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: POOR_BYTES_PER_S, uploadThroughput: -1 });
  const end = SECONDS - 2 / RATE;
  const isThrough = ([time]) => globalThis.pictures.some(({ mediaTime }, at, all) => mediaTime >= time || (at > 0 && mediaTime < all[at - 1].mediaTime - 1));
  await page.waitForFunction(isThrough, [end], { polling: 50 });
  const duration = await page.evaluate(() => [...document.querySelectorAll("video")].find((video) => !video.paused)?.duration);
  assert.ok(Math.abs(duration - SECONDS) < 0.15, `the clip lasts ${duration} s`);
  const pictures = firstRound(await page.evaluate(() => globalThis.pictures));
  assert.equal(findFault(pictures, { rate: RATE, total: SECONDS * RATE, skip: SKIP }), null);
  const heights = [...new Set(pictures.map(({ height }) => height))];
  assert.ok(heights.includes(640) && heights.length > 1, `the rung was not changed: ${heights}`);
  await shoot(page, "making-through");

  step = "reading the playlists again";
  for (const { name, text } of await readPlaylists()) assert.ok(text.includes("#EXT-X-ENDLIST"), `${name} has no end`);
  assert.deepEqual(complaints, [], "the browser's console is not clean");
  console.log(`${pictures.length} pictures, rungs ${heights.join(" ")}`);
} catch (error) {
  await shoot(page, "making-failed").catch(() => {});
  console.error(`making: ${step}: ${error.message}`);
  const seen = await page.evaluate(() => globalThis.pictures).catch(() => []);
  console.error(`  pictures: ${seen.map(({ number, height }) => `${number}@${height}`).join(" ")}`);
  for (const complaint of complaints) console.error(`  console: ${complaint}`);
  process.exitCode = 1;
} finally {
  await browser.close();
}

/** All media playlists of the clip but those of key pictures. */
async function readPlaylists() {
  const { hls_url: url } = await (await page.request.get(`${BASE}/v1/clips/${CLIP_ID}`)).json();
  const multivariant = await (await page.request.get(url)).text();
  const named = [...multivariant.matchAll(/^[^#\n].*$|#EXT-X-MEDIA:.*URI="([^"]+)"/gm)].map((match) => match[1] ?? match[0]);
  return Promise.all([...new Set(named)].map(async (name) => ({ name, text: await (await page.request.get(new URL(name, url).href)).text() })));
}
