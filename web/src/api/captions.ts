import { request } from "./request";
import type { Captions, Clip } from "./wire";

/** The server refuses larger files; saying so at once spares the wait. */
export const CAPTIONS_MOST_BYTES = 262_144;

const path = (id: string, language: string): string => `/v1/clips/${encodeURIComponent(id)}/captions/${encodeURIComponent(language)}`;

/** Files tell what they are by their names: browsers know the types of neither. */
const typeOf = (file: File): string => (file.name.toLowerCase().endsWith(".srt") ? "application/x-subrip" : "text/vtt");

export interface NewCaptions {
  language: string;
  label: string;
  kind: Captions["kind"];
  file: File;
}

export function putCaptions(id: string, { language, label, kind, file }: NewCaptions): Promise<Clip> {
  const query = new URLSearchParams({ label, kind });
  return request<Clip>("PUT", `${path(id, language)}?${query}`, { raw: { type: typeOf(file), content: file } });
}

export const deleteCaptions = (id: string, language: string) => request<void>("DELETE", path(id, language));
