// Two readers of others judge a served package: hls-parser (strict) reads every playlist, mp4box.js every segment.
//
//   node valid.mjs URL-OF-THE-MULTIVARIANT-PLAYLIST
//
// Exits 0 when both read everything and agree with the playlists, 1 with one line that says what is wrong.
import assert from "node:assert/strict";
import { parse, setOptions } from "hls-parser";
import { createFile } from "mp4box";

setOptions({ strictMode: true });
const [start] = process.argv.slice(2);
if (!start) fail("usage: valid.mjs URL");

function fail(message) {
  console.error(`valid: ${message}`);
  process.exit(1);
}

async function get(url) {
  const answer = await fetch(url);
  assert.equal(answer.status, 200, `${url} is answered with ${answer.status}`);
  return answer;
}

const text = async (url) => (await get(url)).text();
const bytes = async (url) => (await get(url)).arrayBuffer();

/** Feeds init and segments to mp4box.js; what its track and samples are. */
async function readWithMp4box(init, segments) {
  const file = createFile();
  let track;
  let trouble;
  file.onReady = (info) => {
    track = info.tracks[0];
    assert.equal(info.tracks.length, 1, `${init} has ${info.tracks.length} tracks`);
    assert.ok(info.isFragmented, `${init} is not fragmented`);
  };
  file.onError = (error) => (trouble = error);
  let at = 0;
  for (const url of [init, ...segments]) {
    const buffer = await bytes(url);
    buffer.fileStart = at;
    at += buffer.byteLength;
    file.appendBuffer(buffer);
  }
  file.flush();
  assert.equal(trouble, undefined, `mp4box.js: ${trouble}`);
  assert.ok(track, `mp4box.js finds no track in ${init}`);
  const samples = file.getTrackSamplesInfo(track.id);
  assert.ok(samples.length > 0, `mp4box.js finds no samples after ${init}`);
  return { codec: track.codec, width: track.video?.width, height: track.video?.height, timescale: track.timescale, samples };
}

async function checkMedia(url) {
  const playlist = parse(await text(url));
  assert.ok(!playlist.isMasterPlaylist && playlist.endlist, `${url} is not a finished media playlist`);
  const at = (uri) => new URL(uri, url).href;
  const read = await readWithMp4box(at(playlist.segments[0].map.uri), playlist.segments.map((segment) => at(segment.uri)));
  const listed = playlist.segments.reduce((sum, segment) => sum + segment.duration, 0);
  const ends = read.samples.map((sample) => (sample.cts + sample.duration) / read.timescale);
  const whole = ends.reduce((most, end) => Math.max(most, end), 0);
  assert.ok(Math.abs(whole - listed) < 0.05, `${url} lists ${listed} s, mp4box.js finds ${whole}`);
  return read;
}

async function check() {
  const multivariant = parse(await text(start));
  assert.ok(multivariant.isMasterPlaylist && multivariant.variants.length > 0, "no multivariant playlist");
  let checked = 0;
  const sounds = new Set();
  for (const variant of multivariant.variants.filter((variant) => !variant.isIFrameOnly)) {
    const read = await checkMedia(new URL(variant.uri, start).href);
    assert.equal(read.codec, variant.codecs.split(",")[0], `${variant.uri}: another codec`);
    if (variant.resolution) assert.deepEqual([read.width, read.height], [variant.resolution.width, variant.resolution.height]);
    for (const sound of variant.audio.filter((sound) => sound.uri)) sounds.add(`${sound.uri} ${variant.codecs.split(",")[1]}`);
    checked += 1;
  }
  for (const [uri, codec] of [...sounds].map((sound) => sound.split(" "))) {
    assert.equal((await checkMedia(new URL(uri, start).href)).codec, codec);
    checked += 1;
  }
  console.log(`${checked} renditions`);
}

check().catch((error) => fail(error.message));
