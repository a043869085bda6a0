// Holds the build against the byte budgets of the watch page: what a visitor downloads before the first clip plays.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const DIST = join(import.meta.dirname, "..", "dist");
const BUDGETS = { watch: 60_000, withPlayer: 180_000 };

const manifest = JSON.parse(readFileSync(join(DIST, ".vite", "manifest.json"), "utf8"));

/** The files a manifest entry pulls in by itself, without what it loads later. */
function staticGraph(key, found = new Set()) {
  const chunk = manifest[key];
  if (!chunk) throw new Error(`The manifest has no ${key}.`);
  if (found.has(chunk.file)) return found;
  found.add(chunk.file);
  for (const imported of chunk.imports ?? []) staticGraph(imported, found);
  return found;
}

const gzipBytes = (files) => [...files].reduce((sum, file) => sum + gzipSync(readFileSync(join(DIST, file)), { level: 9 }).length, 0);

const keyOf = (part) => {
  const key = Object.keys(manifest).find((name) => name.includes(part));
  if (!key) throw new Error(`The manifest has nothing like ${part}.`);
  return key;
};

const watch = staticGraph("index.html");
const withPlayer = staticGraph(keyOf("hls.js/dist/hls.mjs"), new Set(watch));
const results = { watch: gzipBytes(watch), withPlayer: gzipBytes(withPlayer) };

let failed = false;
for (const [name, limit] of Object.entries(BUDGETS)) {
  const over = results[name] > limit;
  failed ||= over;
  console.log(`${over ? "OVER" : "ok  "} ${name}: ${results[name]} of ${limit} bytes gzipped`);
}
if (!readFileSync(join(DIST, "index.html"), "utf8").includes("<!--estrade:head-->")) {
  failed = true;
  console.log("OVER the marker <!--estrade:head--> is gone from index.html");
}
process.exit(failed ? 1 : 0);
