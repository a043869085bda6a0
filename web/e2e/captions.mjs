// The watch page shows a clip's captions at their times, and the Studio takes and refuses files.
//
// Environment: BASE_URL, CLIP_ID (has "First" at 0.5-1.5 s and "Second line" at 2-3.5 s in English, German captions too),
// AUTH (its creator's token); optional: SHOTS, CHROMIUM, WIDTH, HEIGHT, SCHEME.
import assert from "node:assert/strict";
import { needEnv, openPage, shoot } from "./browser.mjs";

const BASE = needEnv("BASE_URL").replace(/\/$/, "");
const CLIP_ID = needEnv("CLIP_ID");
const AUTH = needEnv("AUTH");
const STEP_MS = 60_000;
const viewport = { width: Number(process.env.WIDTH ?? 390), height: Number(process.env.HEIGHT ?? 844) };

const { browser, page, complaints } = await openPage({ viewport, colorScheme: process.env.SCHEME ?? "dark", locale: "en-US" });
page.setDefaultTimeout(STEP_MS);
let step = "opening the clip";
const shown = page.locator("article:not([inert]) [data-captions]");
const button = page.locator("article:not([inert])").getByRole("button", { name: "Captions" });

try {
  await page.goto(`${BASE}/c/${CLIP_ID}`);
  await page.waitForFunction(() => [...document.querySelectorAll("video")].some((video) => !video.paused && video.currentTime > 0.1));
  assert.equal(await button.getAttribute("aria-pressed"), "false", "captions are off until somebody wants them");
  assert.equal(await page.locator("track").count(), 0, "no captions are fetched while they are off");

  step = "turning captions on with the C key";
  await page.keyboard.press("c");
  assert.equal(await button.getAttribute("aria-pressed"), "true");
  const track = page.locator("track");
  await track.waitFor({ state: "attached" });
  assert.equal(await track.getAttribute("srclang"), "en", "the browser's language is chosen");
  await page.waitForFunction(() => document.querySelector("track")?.readyState === 2);

  step = "looking at each cue's time";
  await page.keyboard.press("k");
  for (const [seconds, text] of [[0.2, ""], [1, "First"], [1.8, ""], [2.5, "Second line"], [3.8, ""]]) await assertCue(seconds, text);
  await seek(2.5);
  await shown.waitFor();
  assert.equal(await shown.locator("b").innerText(), "line", "markup is shown as such");
  await assertClear();
  await shoot(page, "captions-watch");

  step = "keeping the choice";
  await page.reload();
  await page.waitForFunction(() => document.querySelector("track")?.readyState === 2);
  assert.equal(await button.getAttribute("aria-pressed"), "true", "the choice is forgotten");

  step = "choosing another language";
  await page.locator("article:not([inert])").getByRole("button", { name: "More" }).click();
  await page.getByLabel("Language of captions").selectOption("de");
  await shoot(page, "captions-more");
  await page.keyboard.press("Escape");
  await page.locator('track[srclang="de"]').waitFor({ state: "attached" });

  step = "turning them off with the button";
  await button.focus();
  await page.keyboard.press("Enter");
  assert.equal(await page.locator("track").count(), 0);
  await shown.waitFor({ state: "detached" });

  step = "refusing a bad file in the Studio";
  await page.context().setExtraHTTPHeaders({ Authorization: `Bearer ${AUTH}` });
  await page.goto(`${BASE}/studio`);
  await page.getByRole("button", { name: /^Captions of/ }).click();
  await page.getByLabel("Language", { exact: true }).selectOption("fr");
  await page.getByLabel("File").setInputFiles(file("bad.vtt", "WEBVTT\n\n00:00 --> 00:01.000\na\n\n00:02.000 --> 00:01.000\nb\n"));
  await page.getByRole("button", { name: "Add" }).click();
  const faults = page.getByRole("list", { name: "What is wrong, by line" });
  await faults.waitFor();
  assert.match(await faults.innerText(), /Line 3[^]*Line 6/);
  await shoot(page, "captions-faults");

  step = "adding and deleting in the Studio";
  await page.getByLabel("File").setInputFiles(file("good.srt", "1\n00:00:00,500 --> 00:00:01,500\nBonjour\n"));
  await page.getByRole("button", { name: "Add" }).click();
  await page.getByRole("button", { name: "Delete the French captions" }).waitFor();
  await shoot(page, "captions-studio");
  await page.getByRole("button", { name: "Delete the French captions" }).click();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByRole("button", { name: "Delete the French captions" }).waitFor({ state: "detached" });

  // The refused file is meant to be refused.
  const unexpected = complaints.filter((complaint) => !complaint.includes("422"));
  assert.deepEqual(unexpected, [], "the browser's console is not clean");
  console.log("captions: shown at their times, refused and taken in the Studio");
} catch (error) {
  await shoot(page, "captions-failed").catch(() => {});
  console.error(`captions failed while ${step}: ${error.message}`);
  for (const complaint of complaints) console.error(`  console: ${complaint}`);
  process.exitCode = 1;
} finally {
  await browser.close();
}

function file(name, text) {
  return { name, mimeType: "", buffer: Buffer.from(text) };
}

async function seek(seconds) {
  await page.evaluate(async (at) => {
    const video = document.querySelector("track").parentElement;
    video.currentTime = at;
    await new Promise((resolve) => video.addEventListener("seeked", resolve, { once: true }));
  }, seconds);
}

async function assertCue(seconds, text) {
  await seek(seconds);
  const isRight = (wanted) => (document.querySelector("article:not([inert]) [data-captions]")?.innerText.trim() ?? "") === wanted;
  await page.waitForFunction(isRight, text).catch(() => assert.fail(`at ${seconds} s there should stand "${text}"`));
}

/** Captions lie over the picture and over no control. */
async function assertClear() {
  const line = await shown.locator("p").boundingBox();
  assert.ok(line.x >= 0 && line.x + line.width <= viewport.width, "captions run out of the screen");
  for (const control of await page.locator("article:not([inert]) :is(button:not(.surface), a, input)").all()) {
    const box = await control.boundingBox();
    if (!box) continue;
    const overlaps = box.x < line.x + line.width && line.x < box.x + box.width && box.y < line.y + line.height && line.y < box.y + box.height;
    assert.ok(!overlaps, `captions lie over ${await control.getAttribute("aria-label")}`);
  }
}
