import { describe, expect, it } from "vitest";
import { Watched } from "./watched";

describe("watched media time", () => {
  it("sums what advances", () => {
    const watched = new Watched(10_000);
    for (const at of [0, 250, 500, 750]) watched.sample(at, true);
    expect(watched.watchMs).toBe(750);
  });

  it("leaves out what passed hidden or stalled", () => {
    const watched = new Watched(10_000);
    watched.sample(0, true);
    watched.sample(250, true);
    watched.sample(2_000, false);
    watched.sample(2_250, true);
    expect(watched.watchMs).toBe(500);
  });

  it("counts a loop and both of its ends", () => {
    const watched = new Watched(4_000);
    for (const at of [3_600, 3_850, 100]) watched.sample(at, true);
    expect(watched.loops).toBe(1);
    expect(watched.watchMs).toBe(500);
  });

  it("does not take a jump back for a loop", () => {
    const watched = new Watched(20_000);
    watched.sample(10_000, true);
    watched.sample(2_000, true);
    expect(watched.loops).toBe(0);
    expect(watched.watchMs).toBe(0);
  });

  it("does not count a seek", () => {
    const watched = new Watched(20_000);
    watched.sample(1_000, true);
    watched.seek(2_500);
    watched.sample(2_750, true);
    expect(watched.watchMs).toBe(250);
  });

  it("does not count a jump nobody announced", () => {
    const watched = new Watched(20_000);
    watched.sample(1_000, true);
    watched.sample(9_000, true);
    expect(watched.watchMs).toBe(0);
  });

  it("knows what was seen once from what was seen twice", () => {
    const watched = new Watched(2_000);
    for (const at of [0, 500, 1_000]) watched.sample(at, true);
    watched.seek(0);
    for (const at of [500, 1_000]) watched.sample(at, true);
    expect(watched.isComplete).toBe(false);
    watched.sample(1_800, true);
    expect(watched.isComplete).toBe(false);
    watched.sample(1_900, true);
    expect(watched.isComplete).toBe(true);
  });
});
