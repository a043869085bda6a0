import type { Plugin } from "vite";

/** Parts of hls.js our streams never need: text and tags inside the stream, DRM, adverts, trick play, telemetry. */
const UNUSED_CONTROLLERS = [
  "subtitleStreamController",
  "subtitleTrackController",
  "timelineController",
  "id3TrackController",
  "emeController",
  "cmcdController",
  "contentSteeringController",
  "iframeController",
  "interstitialsController",
];

type Cut = readonly [what: string, pattern: RegExp, replacement: string];

const CUTS: readonly Cut[] = [
  ...UNUSED_CONTROLLERS.map((name): Cut => [name, new RegExp(`^  ${name}: [A-Z]\\w+ ?(,?)$`, "m"), `  ${name}: undefined$1`]),
  // Our segments are fragmented MP4; transport streams and bare audio would have to be repackaged in the browser.
  ["the list of containers", /^const muxConfig = \[\{\n {2}demux: MP4Demuxer,\n {2}remux: PassThroughRemuxer\n\}, [\s\S]*?^\}$/m, "const muxConfig = [{ demux: MP4Demuxer, remux: PassThroughRemuxer }];"],
  ["the probe of trick play segments", /chunkMeta\.iframe && initSegmentData && TSDemuxer\.probe\(initSegmentData, this\.logger\) \? initSegmentData : uintData/, "uintData"],
];

/**
 * The light build of hls.js lacks audio renditions and the full one carries everything. Both are the same code with
 * different defaults, so the full one is taken, what we do not use is cut from its defaults, and the bundler drops the
 * code nobody refers to any more. A version that looks different fails the build.
 */
export function slimHls(): Plugin {
  return {
    name: "slim-hls",
    transform(code, id) {
      if (!id.endsWith("/hls.js/dist/hls.mjs")) return null;
      return { code: CUTS.reduce(cut, code), map: null };
    },
  };
}

function cut(code: string, [what, pattern, replacement]: Cut): string {
  if (!pattern.test(code)) throw new Error(`slim-hls does not find ${what} in this version of hls.js`);
  return code.replace(pattern, replacement);
}
