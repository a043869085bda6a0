import { describe, expect, it } from "vitest";
import { chooseStartLevel, guardS, type Rung } from "./start-level";

const LADDER: Rung[] = [
  { bandwidth: 600_000, firstBytes: 75_000 },
  { bandwidth: 1_400_000, firstBytes: 175_000 },
  { bandwidth: 2_600_000, firstBytes: 325_000 },
];

describe("start level", () => {
  it("takes 0.6 of the link when fetched ahead", () => {
    expect(chooseStartLevel(LADDER, 4_400_000, false)).toBe(2);
    expect(chooseStartLevel(LADDER, 4_200_000, false)).toBe(1);
  });

  it("wants the first segment within 0.3 s when a viewer waits", () => {
    expect(chooseStartLevel(LADDER, 4_400_000, true)).toBe(0);
    expect(chooseStartLevel(LADDER, 4_700_000, true)).toBe(1);
    expect(chooseStartLevel(LADDER, 8_700_000, true)).toBe(2);
  });

  it("looks at the first segment's real size, not only at the average", () => {
    const heavyStart = LADDER.map((rung, index) => (index === 2 ? { ...rung, firstBytes: 700_000 } : rung));
    expect(chooseStartLevel(heavyStart, 5_000_000, false)).toBe(1);
  });

  it("falls to the lowest rung on a poor link, wherever it stands", () => {
    expect(chooseStartLevel(LADDER, 100_000, false)).toBe(0);
    expect(chooseStartLevel([...LADDER].reverse(), 100_000, true)).toBe(2);
  });

  it("works from bandwidths alone", () => {
    const unknown = LADDER.map(({ bandwidth }) => ({ bandwidth, firstBytes: null }));
    expect(chooseStartLevel(unknown, 4_400_000, false)).toBe(2);
  });

  it("survives an empty ladder", () => {
    expect(chooseStartLevel([], 1_000_000, false)).toBe(0);
  });
});

describe("guard", () => {
  it("is at least a second and a half, and more on slow links", () => {
    expect(guardS(LADDER[0]!, 10_000_000)).toBe(1.5);
    expect(guardS(LADDER[2]!, 1_300_000)).toBeCloseTo(3);
  });
});
