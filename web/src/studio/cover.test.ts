import { expect, it } from "vitest";
import { coverSize } from "./cover";

it("shrinks by the short edge and never enlarges", () => {
  expect(coverSize(3000, 4000)).toEqual({ width: 1440, height: 1920 });
  expect(coverSize(4000, 3000)).toEqual({ width: 1920, height: 1440 });
  expect(coverSize(720, 1280)).toEqual({ width: 720, height: 1280 });
});
