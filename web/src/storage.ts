/** Small settings kept in this browser. Private windows may refuse storage; then a choice lasts as long as the page. */
const memory = new Map<string, string>();
const PREFIX = "estrade.";

export function readSetting(name: string): string | null {
  try {
    return localStorage.getItem(PREFIX + name) ?? memory.get(name) ?? null;
  } catch {
    return memory.get(name) ?? null;
  }
}

export function writeSetting(name: string, value: string | null): void {
  if (value === null) memory.delete(name);
  else memory.set(name, value);
  try {
    if (value === null) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, value);
  } catch {
    // The copy in memory serves until the page closes.
  }
}
