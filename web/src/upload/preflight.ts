import { byteSize, clock, timeSpan } from "../ui/format";

/** The server's default limits; it has the last word. */
export const LIMITS = {
  bytes: 4 * 1024 ** 3,
  durationS: 180,
  pixels: 36e6,
} as const;

export interface Candidate {
  name: string;
  type: string;
  size: number;
  /** `null` where this browser cannot tell: the server judges then. */
  durationS: number | null;
  width: number | null;
  height: number | null;
}

const NOT_VIDEO = /^(image|audio|text|font)\/|^application\/(pdf|zip|json|msword)/;

/** Why a file cannot become a clip, in one sentence that says which limit and by how much; `null` if it may. */
export function refusal(file: Candidate): string | null {
  if (file.size === 0) return "This file is empty.";
  if (NOT_VIDEO.test(file.type)) return `This is not a video (${file.type}).`;
  if (file.size > LIMITS.bytes) {
    return `This file has ${byteSize(file.size)}. A clip may have ${byteSize(LIMITS.bytes)}: ${byteSize(file.size - LIMITS.bytes)} too many.`;
  }
  if (file.durationS !== null && file.durationS > LIMITS.durationS) {
    return `This clip lasts ${clock(file.durationS * 1000)}. A clip may last ${clock(LIMITS.durationS * 1000)}: ${timeSpan(file.durationS - LIMITS.durationS)} too long.`;
  }
  if (file.width && file.height && file.width * file.height > LIMITS.pixels) {
    return `This picture has ${megapixels(file.width * file.height)} megapixels. A clip may have ${megapixels(LIMITS.pixels)}.`;
  }
  return null;
}

const megapixels = (pixels: number): string => (pixels / 1e6).toFixed(1);

/** Longer than this without an answer: the browser cannot decode the file. */
const METADATA_MS = 4_000;

/** Asks the browser for length and size. A file it cannot decode (HEVC, often) is not refused for that. */
export async function readCandidate(file: File, address: string): Promise<Candidate> {
  const { name, type, size } = file;
  const video = document.createElement("video");
  video.preload = "metadata";
  video.muted = true;
  const known = new Promise<boolean>((resolve) => {
    video.onloadedmetadata = () => resolve(true);
    video.onerror = () => resolve(false);
    setTimeout(() => resolve(false), METADATA_MS);
  });
  video.src = address;
  const decoded = await known;
  const durationS = decoded && Number.isFinite(video.duration) ? video.duration : null;
  const candidate = { name, type, size, durationS, width: decoded ? video.videoWidth || null : null, height: decoded ? video.videoHeight || null : null };
  video.removeAttribute("src");
  return candidate;
}

/** Splits what was typed into hashtags, as the server takes them. */
export function parseHashtags(text: string): string[] {
  const tags = text.split(/[\s,#]+/u).filter((tag) => tag.length > 0);
  return [...new Set(tags)];
}

export const HASHTAGS_MOST = 30;
export const HASHTAG_LONGEST = 60;
export const CAPTION_LONGEST = 2200;

export function hashtagsProblem(tags: string[]): string | undefined {
  if (tags.length > HASHTAGS_MOST) return `At most ${HASHTAGS_MOST} hashtags; these are ${tags.length}.`;
  const long = tags.find((tag) => [...tag].length > HASHTAG_LONGEST);
  return long ? `A hashtag has at most ${HASHTAG_LONGEST} characters; “${long.slice(0, 12)}…” has more.` : undefined;
}
