import { expect, it } from "vitest";
import { Quality } from "./quality";

it("tells nothing about a clip left before anything happened", () => {
  expect(new Quality(0, false).facts(500, null)).toBeNull();
});

it("adds up stalls, switches and the mean height by time", () => {
  const quality = new Quality(1_000, true);
  quality.stall(1_050);
  quality.firstFrame(1_120);
  quality.playsHeight(360);
  quality.advance(1_000);
  quality.playsHeight(720);
  quality.advance(3_000);
  quality.playsHeight(540);
  quality.stall(5_000);
  quality.resume(5_400);
  quality.stall(6_000);
  expect(quality.facts(6_100, { dropped: 1, total: 120 })).toEqual({
    type: "quality",
    startup_ms: 120,
    warm: true,
    rebuffer_ms: 500,
    rebuffer_count: 2,
    switches_up: 1,
    switches_down: 1,
    mean_height: 630,
    dropped_frames: 1,
    total_frames: 120,
  });
});

it("tells of a failure even without a first frame", () => {
  const quality = new Quality(0, false);
  quality.fail("fragLoadError_404");
  quality.fail("later");
  expect(quality.facts(100, null)).toMatchObject({ type: "quality", error: "fragLoadError_404" });
});
