import { expect, it } from "vitest";
import { parseEstimate } from "./estimate";

const HOUR_MS = 3600_000;

it("keeps an estimate for a day", () => {
  expect(parseEstimate("4000000@0", 23 * HOUR_MS)).toBe(4_000_000);
  expect(parseEstimate("4000000@0", 25 * HOUR_MS)).toBe(1_500_000);
});

it("assumes a modest link without a usable one", () => {
  for (const text of [null, "", "fast@0", "-1@0", "Infinity@0", "4000000"]) expect(parseEstimate(text, 0)).toBe(1_500_000);
});
