// A newcomer signs up, uploads a clip, waits until it is ready and sees it play in the feed.
//
// Environment: BASE_URL, CLIP (path of a video file); optional: SHOTS (folder for pictures), READY_MS, CHROMIUM.
// Exits 0 when everything was seen, 1 with one line that says what was not.
import assert from "node:assert/strict";
import { needEnv, openPage, shoot } from "./browser.mjs";

const BASE = needEnv("BASE_URL").replace(/\/$/, "");
const CLIP = needEnv("CLIP");
const READY_MS = Number(process.env.READY_MS ?? 120_000);
const STEP_MS = 20_000;
/** A clip on stage must get this far. On a busy machine its second segment may still be in the making. */
const PLAYS_S = 1;
const PLAYS_MS = READY_MS;

const handle = `visitor_${Date.now().toString(36)}`;
const password = `a long pass phrase ${handle}`;
const caption = `Journey of ${handle}`;

const { browser, page, complaints } = await openPage();
page.setDefaultTimeout(STEP_MS);
let step = "starting";

try {
  step = "signing up";
  await page.goto(`${BASE}/signup`);
  await page.getByLabel("Handle").fill(handle);
  await page.getByLabel("Name (optional)").fill("Visitor");
  await page.getByLabel("Password").fill(password);
  await shoot(page, "01-signup");
  await page.getByRole("button", { name: "Create account" }).click();
  await page.waitForURL((url) => url.pathname === "/");

  step = "uploading";
  await page.goto(`${BASE}/upload`);
  await page.getByRole("button", { name: "Choose a clip" }).waitFor();
  await page.getByLabel("Clip to upload").setInputFiles(CLIP);
  const status = page.locator("[data-phase]");
  await status.waitFor();
  const saved = page.waitForResponse((response) => response.request().method() === "PATCH" && response.url().includes("/v1/clips/"));
  await page.getByLabel("Caption").fill(caption);
  await shoot(page, "02-uploading");
  assert.ok((await saved).ok(), `saving the caption was answered with ${(await saved).status()}`);

  step = "waiting for the transcoder";
  await page.locator('[data-phase="ready"], [data-phase="failed"]').waitFor({ timeout: READY_MS });
  await shoot(page, "03-ready");
  assert.equal(await status.getAttribute("data-phase"), "ready", `the clip failed: ${await status.innerText()}`);
  const clipPath = await page.getByRole("link", { name: "Watch it" }).getAttribute("href");
  assert.match(clipPath ?? "", /^\/c\/.+/, "the link to the clip is missing");

  // The feed comes before the link: what was watched is not served again.
  step = "watching the feed";
  await page.goto(`${BASE}/`);
  await assertPlays("the feed");
  assert.ok((await page.locator("article:not([inert])").getAttribute("aria-label"))?.includes(caption), "the feed does not show the clip's caption");
  await shoot(page, "04-feed");

  step = "liking";
  const like = page.locator("article:not([inert])").getByRole("button", { name: /^Like/ });
  const liked = page.waitForResponse((response) => response.request().method() === "PUT" && response.url().endsWith("/like"));
  await like.click();
  assert.ok((await liked).ok(), `the like was answered with ${(await liked).status()}`);
  assert.equal(await like.getAttribute("aria-pressed"), "true", "the like does not show");

  step = "watching by the link";
  await page.goto(`${BASE}${clipPath}`);
  await assertPlays("the clip's own page");
  await assertSounds(clipPath);
  assert.ok((await page.locator("article:not([inert])").getAttribute("aria-label"))?.includes(caption), "the clip's page does not show the caption");
  await shoot(page, "05-clip");

  step = "sending events";
  const sent = page.waitForResponse((response) => response.url().endsWith("/v1/events"), { timeout: STEP_MS });
  assert.ok((await sent).ok(), `events were answered with ${(await sent).status()}`);
  const { rejected } = await (await sent).json();
  assert.deepEqual(rejected, [], "events were rejected");

  assert.deepEqual(complaints, [], "the browser's console is not clean");
  console.log(`journey: ${handle} signed up, uploaded, watched ${clipPath} and the feed`);
} catch (error) {
  await shoot(page, "99-failed").catch(() => {});
  console.error(`journey failed while ${step}: ${error.message}`);
  for (const complaint of complaints) console.error(`  console: ${complaint}`);
  process.exitCode = 1;
} finally {
  await browser.close();
}

/** Real playback: through hls.js, the clock advances, frames are decoded and they are not black. */
async function assertPlays(where) {
  const playing = await page.waitForFunction(findPlaying, PLAYS_S, { polling: 100, timeout: PLAYS_MS }).catch(() => null);
  assert.ok(playing, `nothing plays on ${where}: ${JSON.stringify(await page.evaluate(describeVideos))}`);
  const facts = await page.evaluate(examine);
  assert.ok(facts.src.startsWith("blob:"), `${where} does not play through hls.js but from ${facts.src}`);
  assert.ok(facts.frames > 0, `no frame was decoded on ${where}`);
  assert.ok(facts.brightest > 24, `the picture on ${where} is black (brightest channel ${facts.brightest})`);
}

/** Sound is a rendition of its own: a player that cannot take it shows a silent film. */
async function assertSounds(clipPath) {
  const { has_audio: hasAudio } = await (await page.request.get(`${BASE}/v1/clips/${clipPath.split("/").pop()}`)).json();
  const decoded = await page.evaluate(() => [...document.querySelectorAll("video")].find((video) => !video.paused)?.webkitAudioDecodedByteCount ?? 0);
  assert.equal(decoded > 0, hasAudio, `the clip ${hasAudio ? "has" : "has no"} sound, and ${decoded} bytes of it were decoded`);
}

function findPlaying(seconds) {
  return [...document.querySelectorAll("video")].some((video) => !video.paused && video.currentTime >= seconds && video.readyState >= 2);
}

function describeVideos() {
  return [...document.querySelectorAll("video")].map((video) => ({
    time: video.currentTime,
    ready: video.readyState,
    paused: video.paused,
    error: video.error?.message ?? null,
  }));
}

function examine() {
  const video = [...document.querySelectorAll("video")].find((candidate) => !candidate.paused);
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 32;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(video, 0, 0, 32, 32);
  const pixels = context.getImageData(0, 0, 32, 32).data;
  const colours = pixels.filter((_, index) => index % 4 !== 3);
  return { src: video.currentSrc, frames: video.getVideoPlaybackQuality().totalVideoFrames, brightest: Math.max(...colours) };
}
