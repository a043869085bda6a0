import { describe, expect, it } from "vitest";
import { Serving } from "./serving";
import type { EventFacts } from "./wire";

function serve(durationMs: number) {
  const events: EventFacts[] = [];
  const serving = new Serving(durationMs, (facts) => events.push(facts));
  return { events, serving, types: () => events.map(({ type }) => type) };
}

/** Plays media time from `fromMs` to `toMs` in steps of a quarter second; wall time runs along. */
function play(serving: Serving, fromMs: number, toMs: number, wallMs = fromMs) {
  for (let at = fromMs; at <= toMs; at += 250) serving.sample(at, true, wallMs + at - fromMs);
}

describe("impression", () => {
  it("needs a whole second on a visible page", () => {
    const { serving, types } = serve(10_000);
    serving.setSeen(true, 0);
    serving.tick(999);
    expect(types()).toEqual([]);
    serving.tick(1_000);
    expect(types()).toEqual(["impression"]);
  });

  it("starts over when the page was hidden in between", () => {
    const { serving, types } = serve(10_000);
    serving.setSeen(true, 0);
    serving.setSeen(false, 900);
    serving.setSeen(true, 950);
    serving.tick(1_100);
    expect(types()).toEqual([]);
    serving.tick(1_950);
    expect(types()).toEqual(["impression"]);
  });

  it("counts the second that ended just before the page was hidden", () => {
    const { serving, types } = serve(10_000);
    serving.setSeen(true, 0);
    serving.setSeen(false, 1_100);
    expect(types()).toEqual(["impression"]);
  });

  it("happens once", () => {
    const { serving, types } = serve(10_000);
    serving.setSeen(true, 0);
    serving.tick(1_000);
    serving.leave(1_200);
    serving.setSeen(true, 2_000);
    serving.tick(9_000);
    expect(types().filter((type) => type === "impression")).toHaveLength(1);
  });
});

describe("view", () => {
  it("is a running total every thirty seconds and on leaving", () => {
    const { events, serving } = serve(60_000);
    serving.enter(0);
    play(serving, 0, 40_000);
    serving.leave(40_000);
    const views = events.filter(({ type }) => type === "view");
    expect(views.map(({ watch_ms }) => watch_ms)).toEqual([30_000, 40_000]);
  });

  it("goes on counting when the viewer comes back", () => {
    const { events, serving } = serve(60_000);
    serving.enter(0);
    play(serving, 0, 5_000);
    serving.leave(5_000);
    serving.enter(8_000);
    play(serving, 0, 3_000, 8_000);
    serving.leave(11_000);
    expect(events.filter(({ type }) => type === "view").map(({ watch_ms }) => watch_ms)).toEqual([5_000, 8_000]);
  });

  it("is not sent twice for the same total", () => {
    const { events, serving } = serve(60_000);
    serving.enter(0);
    play(serving, 0, 5_000);
    serving.report(5_000);
    serving.leave(5_100);
    expect(events.filter(({ type }) => type === "view")).toHaveLength(1);
  });
});

describe("completion", () => {
  it("needs 95 % of what there is to see", () => {
    const { serving, types } = serve(100_000);
    serving.enter(0);
    play(serving, 0, 94_000);
    expect(types()).not.toContain("completion");
    play(serving, 94_250, 94_500, 94_250);
    expect(types()).toContain("completion");
  });

  it("is not reached by watching one half twice", () => {
    const { serving, types } = serve(10_000);
    serving.enter(0);
    play(serving, 0, 5_000);
    serving.seek(0);
    play(serving, 0, 5_000, 5_000);
    expect(types()).not.toContain("completion");
  });
});

describe("skip", () => {
  it("is leaving before a second and a half", () => {
    const { serving, types } = serve(10_000);
    serving.enter(0);
    play(serving, 0, 1_250);
    serving.leave(1_300);
    expect(types()).toContain("skip");
  });

  it("is not leaving after it", () => {
    const { serving, types } = serve(10_000);
    serving.enter(0);
    play(serving, 0, 1_500);
    serving.leave(1_600);
    expect(types()).not.toContain("skip");
  });

  it("is not giving up on a clip that never started", () => {
    const { serving, types } = serve(10_000);
    serving.enter(0);
    serving.leave(6_000);
    expect(types()).not.toContain("skip");
  });

  it("is not finishing a very short clip", () => {
    const { serving, types } = serve(900);
    serving.enter(0);
    play(serving, 0, 750);
    serving.sample(890, true, 890);
    serving.leave(1_000);
    expect(types()).toContain("completion");
    expect(types()).not.toContain("skip");
  });
});
