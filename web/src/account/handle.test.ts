import { expect, it } from "vitest";
import { handleProblem, passwordProblem } from "./handle";

it("takes handles of the contract and names what is wrong with others", () => {
  expect(handleProblem("mara.okafor_1")).toBeUndefined();
  expect(handleProblem("ab")).toContain("at least 3");
  expect(handleProblem("a".repeat(31))).toContain("at most 30");
  expect(handleProblem("mära")).toContain("“ä”");
});

it("wants ten characters for a password", () => {
  expect(passwordProblem("123456789")).toContain("has 9");
  expect(passwordProblem("1234567890")).toBeUndefined();
});
