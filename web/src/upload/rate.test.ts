import { expect, it } from "vitest";
import { RateMeter } from "./rate";

it("knows no rate from one moment", () => {
  const meter = new RateMeter();
  meter.note(1_000, 0);
  expect(meter.bytesPerSecond()).toBeNull();
  expect(meter.secondsLeft(10_000)).toBeNull();
});

it("looks at the last seconds only", () => {
  const meter = new RateMeter();
  meter.note(0, 0);
  meter.note(10_000_000, 1_000);
  meter.note(11_000_000, 9_500);
  meter.note(12_000_000, 10_500);
  expect(meter.bytesPerSecond()).toBe(1_000_000);
  expect(meter.secondsLeft(15_000_000)).toBe(3);
});

it("forgets the pause", () => {
  const meter = new RateMeter();
  meter.note(0, 0);
  meter.note(1_000, 1_000);
  meter.reset();
  expect(meter.bytesPerSecond()).toBeNull();
});
