import { describe, expect, it } from "vitest";
import { commandFor, type KeyPress } from "./keys";

const press = (key: string, more: Partial<KeyPress> = {}): KeyPress => ({ key, code: "", withModifier: false, focus: "page", ...more });

describe("keys", () => {
  it("move, play and act", () => {
    expect(commandFor(press("ArrowDown"), true)).toBe("next");
    expect(commandFor(press("PageUp"), true)).toBe("previous");
    expect(commandFor(press(" "), true)).toBe("toggle");
    expect(commandFor(press("K"), true)).toBe("toggle");
    expect(commandFor(press("?"), true)).toBe("help");
    expect(commandFor(press("j"), true)).toBeNull();
  });

  it("leave text fields and modified keys alone", () => {
    expect(commandFor(press("l", { focus: "text" }), true)).toBeNull();
    expect(commandFor(press("ArrowDown", { focus: "text" }), true)).toBeNull();
    expect(commandFor(press("s", { withModifier: true }), true)).toBeNull();
  });

  it("leave Space to a focused button and the arrows to a focused slider", () => {
    expect(commandFor(press(" ", { focus: "control" }), true)).toBeNull();
    expect(commandFor(press("ArrowLeft", { focus: "slider" }), true)).toBeNull();
    expect(commandFor(press("ArrowDown", { focus: "slider" }), true)).toBe("next");
  });

  it("go by their place on layouts without Latin letters", () => {
    expect(commandFor(press("ь", { code: "KeyM" }), true)).toBe("mute");
    expect(commandFor(press("ل", { code: "KeyG" }), true)).toBeNull();
    expect(commandFor(press("a", { code: "KeyK" }), true)).toBeNull();
  });

  it("of one letter can be switched off, the others stay", () => {
    expect(commandFor(press("m"), false)).toBeNull();
    expect(commandFor(press("?"), false)).toBeNull();
    expect(commandFor(press("ArrowUp"), false)).toBe("previous");
    expect(commandFor(press(" "), false)).toBe("toggle");
  });
});
