import { getClip } from "../api/clips";
import { getFeed, type FeedName } from "../api/feeds";
import { ApiError, asApiError } from "../api/request";
import type { Clip, Reason, StartRung } from "../api/wire";

/** The next page is fetched when this many clips are left. */
const FETCH_AHEAD = 4;

export interface WatchItem {
  /** Unique within the feed on this page. */
  key: string;
  servedId: string | null;
  reason: Reason;
  clip: Clip;
  start: readonly StartRung[];
}

/** What a watch page shows: a feed, or one clip by its link followed by the For you feed. */
export type Programme = { feed: FeedName; clipId?: undefined } | { feed: FeedName; clipId: string };

const SHARED: Reason = { code: "shared_link", text: "You opened a link to this clip" };

/** One programme's clips as far as they are known, and where the viewer stands in it. */
export class Feed {
  items = $state.raw<WatchItem[]>([]);
  error = $state.raw<ApiError | null>(null);
  loading = $state(false);
  /** The server has no more. */
  ended = $state(false);
  /** The clip on stage; kept when the viewer visits another page. */
  index = $state(0);
  private cursor: string | null = null;

  constructor(readonly programme: Programme) {}

  get isEmpty(): boolean {
    return this.ended && this.items.length === 0;
  }

  /** Fetches more if the viewer is near the end of what is known. */
  async advance(index: number): Promise<void> {
    this.index = index;
    if (this.ended || this.loading || this.error || this.items.length - index > FETCH_AHEAD) return;
    await this.load();
  }

  async load(): Promise<void> {
    if (this.loading || this.ended) return;
    this.loading = true;
    this.error = null;
    try {
      if (this.programme.clipId !== undefined && this.items.length === 0) await this.loadShared(this.programme.clipId);
      await this.loadPage();
    } catch (cause) {
      this.error = asApiError(cause);
    } finally {
      this.loading = false;
    }
  }

  update(clipId: string, change: (clip: Clip) => Clip): void {
    this.items = this.items.map((item) => (item.clip.id === clipId ? { ...item, clip: change(item.clip) } : item));
  }

  /** Something else than the feed itself went wrong while opening the page. */
  fail(cause: unknown): void {
    this.error = asApiError(cause);
  }

  private async loadShared(id: string): Promise<void> {
    const clip = await getClip(id);
    this.items = [{ key: `link-${id}`, servedId: null, reason: SHARED, clip, start: [] }];
  }

  private async loadPage(): Promise<void> {
    const page = await this.nextPage();
    const known = new Set(this.items.map((item) => item.clip.id));
    const fresh = page.items.filter((item) => !known.has(item.clip.id));
    this.cursor = page.next_cursor;
    this.ended = page.next_cursor === null;
    this.items = [
      ...this.items,
      ...fresh.map((item) => ({ key: item.served_id, servedId: item.served_id, reason: item.reason, clip: item.clip, start: item.start })),
    ];
  }

  /** A cursor the server no longer takes starts the feed anew; clips already here are left out above. */
  private async nextPage() {
    try {
      return await getFeed(this.programme.feed, this.cursor);
    } catch (cause) {
      const isRefusedCursor = this.cursor !== null && cause instanceof ApiError && [400, 410, 422].includes(cause.status);
      if (!isRefusedCursor) throw cause;
      this.cursor = null;
      return getFeed(this.programme.feed, null);
    }
  }
}

const kept = new Map<string, Feed>();

/** The same programme again is the same feed, at the same clip. */
export function openFeed(programme: Programme): Feed {
  const key = `${programme.feed}/${programme.clipId ?? ""}`;
  const feed = kept.get(key) ?? new Feed(programme);
  kept.set(key, feed);
  return feed;
}

/** Another identity sees other feeds. */
export function forgetFeeds(): void {
  kept.clear();
}
