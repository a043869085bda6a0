/** Languages offered for clips; the most spoken ones, by their BCP 47 codes. */
const CODES = "ar bg bn ca cs da de el en es et eu fa fi fr gl gu he hi hr hu id it ja ka kn ko lt lv ml mr ms nl no pa pl pt ro ru sk sl sq sr sv sw ta te th tr uk ur vi zh".split(" ");

export interface Language {
  code: string;
  name: string;
}

/** The list in the reader's own words, sorted as the reader would; `extra` is a code that must not be missing. */
export function languages(extra?: string | null): Language[] {
  const locale = document.documentElement.lang || "en";
  const names = new Intl.DisplayNames([locale], { type: "language" });
  const codes = extra && !CODES.includes(extra) ? [...CODES, extra] : CODES;
  return codes.map((code) => ({ code, name: nameOf(names, code) })).sort((a, b) => a.name.localeCompare(b.name, locale));
}

function nameOf(names: Intl.DisplayNames, code: string): string {
  try {
    return names.of(code) ?? code;
  } catch {
    // A code the browser does not take for one.
    return code;
  }
}

/** The browser's language without its region. */
export const ownLanguage = (): string => navigator.language.split("-")[0]?.toLowerCase() ?? "en";
