import { expect, it } from "vitest";
import { isSameFile } from "./unfinished";

const FILE = { name: "a.mp4", size: 10, lastModified: 5 };

it("knows the same file by name, size and date", () => {
  expect(isSameFile(FILE, { ...FILE })).toBe(true);
  expect(isSameFile(FILE, { ...FILE, name: "b.mp4" })).toBe(false);
  expect(isSameFile(FILE, { ...FILE, size: 11 })).toBe(false);
  expect(isSameFile(FILE, { ...FILE, lastModified: 6 })).toBe(false);
});
