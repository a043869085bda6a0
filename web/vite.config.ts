import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";
import { slimHls } from "./build/slim-hls.ts";

/** Where `npm run dev` finds the server. */
const API = process.env.ESTRADE_PUBLIC_URL ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [slimHls(), svelte()],
  build: {
    target: "es2022",
    manifest: true,
    // Data addresses would be refused by the content security policy (fonts), and hashed files are cached for ever anyway.
    assetsInlineLimit: 0,
    // The polyfill is only for browsers that cannot play the clips either.
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 420,
  },
  server: {
    host: "127.0.0.1",
    proxy: Object.fromEntries(["/v1", "/media", "/docs"].map((path) => [path, { target: API }])),
  },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
