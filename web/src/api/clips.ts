import { request } from "./request";
import type { Clip, ClipPage, UploadStatus, Visibility } from "./wire";

export interface ClipChanges {
  caption?: string;
  hashtags?: string[];
  language?: string;
  visibility?: Visibility;
  allow_download?: boolean;
  publish?: boolean;
}

const path = (id: string): string => `/v1/clips/${encodeURIComponent(id)}`;

function paged(base: string, cursor: string | null, limit: number): string {
  const query = new URLSearchParams({ limit: String(limit) });
  if (cursor) query.set("cursor", cursor);
  return `${base}?${query}`;
}

export const getClip = (id: string, signal?: AbortSignal) => request<Clip>("GET", path(id), { signal });

export const updateClip = (id: string, changes: ClipChanges) => request<Clip>("PATCH", path(id), { body: changes });

export const deleteClip = (id: string) => request<void>("DELETE", path(id));

export const retryClip = (id: string) => request<unknown>("POST", `${path(id)}/retry`);

export const pickPoster = (id: string, atMs: number) => request<Clip>("PUT", `${path(id)}/poster`, { body: { at_ms: atMs } });

export const sendPoster = (id: string, picture: Blob) => request<Clip>("PUT", `${path(id)}/poster`, { raw: { type: picture.type, content: picture } });

export const resetPoster = (id: string) => request<Clip>("DELETE", `${path(id)}/poster`);

export const setLike = (id: string, liked: boolean) => request<void>(liked ? "PUT" : "DELETE", `${path(id)}/like`);

export const clipEventsUrl = (id: string): string => `${path(id)}/events`;

export const listMyClips = (cursor: string | null, limit = 24) => request<ClipPage>("GET", paged("/v1/me/clips", cursor, limit));

export const listCreatorClips = (handle: string, cursor: string | null, limit = 24) =>
  request<ClipPage>("GET", paged(`/v1/creators/${encodeURIComponent(handle)}/clips`, cursor, limit));

export const getUpload = (url: string) => request<UploadStatus>("GET", url);
