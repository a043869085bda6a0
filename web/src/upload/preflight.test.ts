import { describe, expect, it } from "vitest";
import { hashtagsProblem, LIMITS, parseHashtags, refusal, type Candidate } from "./preflight";

const FINE: Candidate = { name: "a.mp4", type: "video/mp4", size: 5_000_000, durationS: 12, width: 1080, height: 1920 };

describe("preflight", () => {
  it("lets a phone clip pass", () => {
    expect(refusal(FINE)).toBeNull();
  });

  it("leaves what the browser cannot decode to the server", () => {
    expect(refusal({ ...FINE, type: "", durationS: null, width: null, height: null })).toBeNull();
  });

  it("says by how much a file is too large", () => {
    expect(refusal({ ...FINE, size: LIMITS.bytes })).toBeNull();
    expect(refusal({ ...FINE, size: LIMITS.bytes + 500_000_000 })).toContain("500 MB too many");
  });

  it("says by how much a clip is too long", () => {
    expect(refusal({ ...FINE, durationS: 180 })).toBeNull();
    expect(refusal({ ...FINE, durationS: 225 })).toContain("45 sec too long");
  });

  it("refuses an empty file, a photo and a giant picture", () => {
    expect(refusal({ ...FINE, size: 0 })).toContain("empty");
    expect(refusal({ ...FINE, type: "image/heic" })).toContain("not a video");
    expect(refusal({ ...FINE, width: 8000, height: 6000 })).toContain("48.0 megapixels");
  });
});

describe("hashtags", () => {
  it("come from words, with or without their sign, once each", () => {
    expect(parseHashtags(" #skate, concrete#two  skate ")).toEqual(["skate", "concrete", "two"]);
    expect(parseHashtags("")).toEqual([]);
  });

  it("are limited in number and length", () => {
    expect(hashtagsProblem(Array.from({ length: 30 }, (_, i) => `t${i}`))).toBeUndefined();
    expect(hashtagsProblem(Array.from({ length: 31 }, (_, i) => `t${i}`))).toContain("31");
    expect(hashtagsProblem(["x".repeat(61)])).toContain("60");
  });
});
