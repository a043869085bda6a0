const locale = (): string => globalThis.document?.documentElement.lang || "en";

/** `1.2K`, as a public count. */
export const compactNumber = (value: number): string => new Intl.NumberFormat(locale(), { notation: "compact", maximumFractionDigits: 1 }).format(value);

/** `0:04`: media time in minutes and seconds. */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte"] as const;

/** `12.4 MB`. */
export function byteSize(bytes: number): string {
  const step = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  const value = bytes / 1000 ** step;
  return new Intl.NumberFormat(locale(), { style: "unit", unit: UNITS[step], unitDisplay: "short", maximumFractionDigits: value < 10 && step > 0 ? 1 : 0 }).format(value);
}

/** `3 min`, `40 sec`: a length of time in its largest sensible unit. */
export function timeSpan(seconds: number): string {
  const unit = seconds >= 5400 ? "hour" : seconds >= 90 ? "minute" : "second";
  const value = unit === "hour" ? seconds / 3600 : unit === "minute" ? seconds / 60 : seconds;
  return new Intl.NumberFormat(locale(), { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 0 }).format(Math.max(1, Math.round(value)));
}

export const percent = (share: number): string => new Intl.NumberFormat(locale(), { style: "percent" }).format(share);

export const dayAndTime = (iso: string): string => new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeStyle: "short" }).format(new Date(iso));

/** `1 like`, `2 likes`: the word for a count. */
export function counted(count: number, one: string, many: string): string {
  const word = new Intl.PluralRules(locale()).select(count) === "one" ? one : many;
  return `${compactNumber(count)} ${word}`;
}
