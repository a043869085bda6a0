import { expect, it } from "vitest";
import { WheelReader } from "./wheel";

it("moves one clip for one notch, either way", () => {
  const wheel = new WheelReader();
  expect(wheel.read(100, false, 1_000)).toBe("next");
  expect(wheel.read(-100, false, 2_000)).toBe("previous");
  expect(wheel.read(3, true, 3_000)).toBe("next");
});

it("does not race through the feed on a spinning wheel", () => {
  const wheel = new WheelReader();
  const answers = Array.from({ length: 10 }, (_, i) => wheel.read(120, false, 1_000 + i * 50));
  expect(answers.filter((answer) => answer === "next")).toHaveLength(2);
  expect(answers.filter((answer) => answer === "swallow")).toHaveLength(8);
});

it("leaves touchpads to the browser, even when they gather speed", () => {
  const wheel = new WheelReader();
  const deltas = [2, 8, 30, 90, 140, 60, 10];
  expect(deltas.map((delta, i) => wheel.read(delta, false, 1_000 + i * 16))).toEqual(deltas.map(() => "native"));
});
