// The real tus-js-client: uploads FILE to BASE_URL, is cut in the middle, and resumes.
//
//   node resume.mjs                          cut and resume in one go
//   node resume.mjs start-and-abort-at=BYTES stops once BYTES have been accepted and prints the upload's address
//   node resume.mjs resume=URL               finishes that upload and prints its address
//
// Environment: BASE_URL (the server), FILE, AUTH (bearer token); optional: META (JSON of more Upload-Metadata).
import { createReadStream, statSync } from "node:fs";
import { basename } from "node:path";
import * as tus from "tus-js-client";

const RETRY_DELAYS_MS = [0, 200, 500, 1_000, 2_000, 4_000];
/** Small enough that a cut lands between two accepted parts. */
const CHUNK_BYTES = 256 * 1024;

const need = (name) => process.env[name] ?? fail(`${name} is not set`);
const BASE = need("BASE_URL").replace(/\/$/, "");
const FILE = need("FILE");
const AUTH = need("AUTH");
const size = statSync(FILE).size;
const [mode = "both", value = ""] = (process.argv[2] ?? "").split(/=(.*)/s).filter((part) => part !== "");

function fail(message) {
  console.error(`resume: ${message}`);
  process.exit(1);
}

function newUpload(options) {
  return new tus.Upload(createReadStream(FILE), {
    endpoint: `${BASE}/v1/uploads`,
    headers: { Authorization: AUTH.startsWith("Bearer ") ? AUTH : `Bearer ${AUTH}` },
    metadata: { filename: basename(FILE), filetype: "video/mp4", ...JSON.parse(process.env.META ?? "{}") },
    uploadSize: size,
    retryDelays: RETRY_DELAYS_MS,
    storeFingerprintForResuming: false,
    ...options,
  });
}

/** Uploads until at least `bytes` are accepted, then cuts the connection. */
function startAndAbort(bytes) {
  return new Promise((resolve, reject) => {
    let cut = false;
    const upload = newUpload({
      chunkSize: Math.max(1, Math.min(CHUNK_BYTES, bytes)),
      onChunkComplete: (_, accepted) => {
        if (cut || accepted < bytes) return;
        cut = true;
        upload.abort().then(() => resolve({ url: upload.url, accepted }), reject);
      },
      onSuccess: () => reject(new Error(`all ${size} bytes were sent before the cut at ${bytes}`)),
      onError: reject,
    });
    upload.start();
  });
}

/** Goes on from whatever the server holds; tells where that was. */
function resume(url) {
  return new Promise((resolve, reject) => {
    let from = null;
    const upload = newUpload({
      uploadUrl: url,
      onAfterResponse: (request, response) => {
        if (request.getMethod() === "HEAD") from ??= Number(response.getHeader("Upload-Offset"));
      },
      onSuccess: () => resolve({ url: upload.url, from }),
      onError: reject,
    });
    upload.start();
  });
}

async function cutAndResume() {
  const { url, accepted } = await startAndAbort(Math.floor(size / 2));
  const { from } = await resume(url);
  if (from === null || from < accepted) throw new Error(`the server had accepted ${accepted} bytes but went on from ${from}`);
  return url;
}

const MODES = {
  both: cutAndResume,
  "start-and-abort-at": async () => (await startAndAbort(Number(value))).url,
  resume: async () => {
    const { url, from } = await resume(value);
    if (!(from > 0)) throw new Error(`nothing was kept: the upload went on from ${from}`);
    console.error(`resume: went on from byte ${from} of ${size}`);
    return url;
  },
};

const run = MODES[mode] ?? fail(`unknown mode ${mode}`);
run().then(
  (url) => console.log(url),
  (error) => fail(error.message),
);
