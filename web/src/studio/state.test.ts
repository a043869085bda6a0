import { expect, it } from "vitest";
import type { Clip } from "../api/wire";
import { isUnpublished, stateOf } from "./state";

const clip: Pick<Clip, "state" | "progress" | "complete" | "visibility" | "failure" | "published_at"> = {
  state: "ready",
  progress: 1,
  complete: true,
  visibility: "public",
  failure: null,
  published_at: "2026-01-01T00:00:00Z",
};

it("names who may see a published clip", () => {
  expect(stateOf(clip)).toEqual({ text: "Public", tone: "ok" });
  expect(stateOf({ ...clip, visibility: "followers" }).text).toBe("Followers only");
  expect(isUnpublished(clip)).toBe(false);
});

it("says that a clip is not published, whatever its visibility", () => {
  for (const published_at of [null, undefined]) {
    expect(stateOf({ ...clip, published_at })).toEqual({ text: "Not published", tone: "warn" });
    expect(isUnpublished({ ...clip, published_at })).toBe(true);
  }
  expect(stateOf({ ...clip, state: "processing", progress: 0.5, published_at: null }).text).toBe("Getting ready, 50%");
  expect(isUnpublished({ state: "draft", published_at: null })).toBe(false);
});
