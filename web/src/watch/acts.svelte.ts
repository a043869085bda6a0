import { setLike } from "../api/clips";
import { setFollow } from "../api/people";
import { asApiError } from "../api/request";
import type { Clip } from "../api/wire";
import { session } from "../session.svelte";
import { toasts } from "../ui/toasts.svelte";
import type { Feed, WatchItem } from "./feed.svelte";
import type { Stage } from "./stage.svelte";

export type SheetName = "more" | "caption" | "why" | "keys" | "navigation" | "sign-in" | "link";

/** What a viewer can do with the clip on stage. Shown at once, taken back if the server refuses. */
export class Acts {
  /** The dialog that is open. */
  sheet = $state<SheetName | null>(null);

  constructor(
    private readonly feed: Feed,
    private readonly stage: Stage,
    private readonly step: (by: number) => void,
  ) {}

  async like({ clip }: WatchItem): Promise<void> {
    if (!this.isSignedIn()) return;
    const liked = !clip.viewer.liked;
    this.feed.update(clip.id, (before) => withLike(before, liked));
    try {
      await setLike(clip.id, liked);
    } catch (cause) {
      this.feed.update(clip.id, (before) => withLike(before, !liked));
      toasts.show(`The like was not saved: ${asApiError(cause).message}`);
    }
  }

  async follow({ clip }: WatchItem): Promise<void> {
    if (!this.isSignedIn()) return;
    const following = !clip.viewer.following;
    const { handle, id } = clip.creator;
    this.showFollowing(id, following);
    try {
      await setFollow(handle, following);
    } catch (cause) {
      this.showFollowing(id, !following);
      toasts.show(`That did not work: ${asApiError(cause).message}`);
    }
  }

  async share({ clip }: WatchItem): Promise<void> {
    this.stage.note({ type: "share" });
    try {
      await navigator.clipboard.writeText(linkTo(clip));
      toasts.show("Link copied");
    } catch {
      // Without permission (or without TLS) the viewer copies by hand.
      this.sheet = "link";
    }
  }

  notInterested(): void {
    this.sheet = null;
    this.stage.note({ type: "not_interested" });
    toasts.show("Noted: less like this");
    this.step(1);
  }

  private showFollowing(creatorId: string, following: boolean): void {
    for (const { clip } of this.feed.items) {
      if (clip.creator.id === creatorId) this.feed.update(clip.id, (before) => ({ ...before, viewer: { ...before.viewer, following } }));
    }
  }

  private isSignedIn(): boolean {
    if (!session.account) this.sheet = "sign-in";
    return session.account !== null;
  }
}

function withLike(clip: Clip, liked: boolean): Clip {
  const likes = Math.max(0, clip.counts.likes + (liked ? 1 : -1));
  return { ...clip, viewer: { ...clip.viewer, liked }, counts: { ...clip.counts, likes } };
}

export const linkTo = (clip: Clip): string => new URL(`/c/${encodeURIComponent(clip.id)}`, location.origin).href;
