export type Command = "next" | "previous" | "toggle" | "back" | "forward" | "mute" | "captions" | "like" | "share" | "why" | "not-interested" | "fullscreen" | "picture-in-picture" | "help";

export interface KeyPress {
  key: string;
  code: string;
  withModifier: boolean;
  /** What has the focus decides which keys are already taken. */
  focus: "page" | "control" | "slider" | "text";
}

const MOVES: Record<string, Command> = { ArrowDown: "next", PageDown: "next", ArrowUp: "previous", PageUp: "previous", ArrowLeft: "back", ArrowRight: "forward" };

const LETTERS: Record<string, Command> = {
  k: "toggle",
  m: "mute",
  c: "captions",
  l: "like",
  s: "share",
  w: "why",
  n: "not-interested",
  f: "fullscreen",
  i: "picture-in-picture",
  "?": "help",
};

/** What a key asks the watch page to do. `letters` is the viewer's switch for single-key shortcuts. */
export function commandFor(press: KeyPress, letters: boolean): Command | null {
  if (press.withModifier || press.focus === "text") return null;
  const move = MOVES[press.key];
  if (move) return press.focus === "slider" && (move === "back" || move === "forward") ? null : move;
  if (press.key === " ") return press.focus === "page" ? "toggle" : null;
  return letters ? (LETTERS[letterOf(press)] ?? null) : null;
}

/** On layouts without Latin letters the place of the key counts. */
function letterOf({ key, code }: KeyPress): string {
  const isLatin = key.length === 1 && key.charCodeAt(0) < 0x80;
  return isLatin || !code.startsWith("Key") ? key.toLowerCase() : code.slice(3).toLowerCase();
}

export function readPress(event: KeyboardEvent): KeyPress {
  return {
    key: event.key,
    code: event.code,
    withModifier: event.ctrlKey || event.metaKey || event.altKey,
    focus: focusOf(event.target),
  };
}

function focusOf(target: EventTarget | null): KeyPress["focus"] {
  if (!(target instanceof Element)) return "page";
  if (target instanceof HTMLInputElement && target.type === "range") return "slider";
  if (target.closest("input, textarea, select, [contenteditable]")) return "text";
  return target.closest("a, button, summary") ? "control" : "page";
}

/** The table the help dialog shows. */
export const KEY_HELP: readonly [string, string][] = [
  ["↓ ↑ · Page keys", "Next and previous clip"],
  ["Space · K", "Play or pause"],
  ["← →", "Back or forward 5 seconds"],
  ["M", "Sound on or off"],
  ["C", "Captions on or off"],
  ["L", "Like"],
  ["S", "Copy the link"],
  ["W", "Why this clip"],
  ["N", "Not interested"],
  ["F", "Full screen"],
  ["I", "Picture in picture"],
  ["?", "This list"],
];
