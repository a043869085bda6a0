import { request } from "./request";
import type { FeedPage, Why } from "./wire";

export type FeedName = "for-you" | "following" | "trending";

/** Small first page: it must arrive before anything can play. */
export const PAGE_SIZE = 10;

export function getFeed(feed: FeedName, cursor: string | null, signal?: AbortSignal): Promise<FeedPage> {
  const query = new URLSearchParams({ limit: String(PAGE_SIZE) });
  if (cursor) query.set("cursor", cursor);
  return request<FeedPage>("GET", `/v1/feeds/${feed}?${query}`, { signal });
}

export const getWhy = (servedId: string): Promise<Why> => request<Why>("GET", `/v1/feeds/why/${encodeURIComponent(servedId)}`);
