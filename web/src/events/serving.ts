import { Watched } from "./watched";
import type { EventFacts } from "./wire";

/** Half the picture visible for this long is an impression. */
export const IMPRESSION_MS = 1_000;
/** Running totals go out this often while a clip plays. */
export const VIEW_EVERY_MS = 30_000;
/** Left before this much was seen: a skip. */
export const SKIP_BELOW_MS = 1_500;

/**
 * Decides which events one serving causes. All times are passed in (milliseconds of a monotonic clock), so the rules
 * can be tested without a browser. It lives as long as the page: coming back to a clip continues its totals.
 */
export class Serving {
  private readonly watched: Watched;
  private seenSince: number | null = null;
  private activeSince: number | null = null;
  private lastViewAt = 0;
  private reportedWatchMs = 0;
  private started = false;
  private impressed = false;
  private completed = false;
  private skipped = false;

  constructor(
    durationMs: number,
    private readonly emit: (facts: EventFacts) => void,
  ) {
    this.watched = new Watched(durationMs);
  }

  /** At least half of the picture is on a visible page, or no longer. */
  setSeen(seen: boolean, now: number): void {
    this.tick(now);
    if (!seen) this.seenSince = null;
    else this.seenSince ??= now;
  }

  /** To be called when an impression may have become due. */
  tick(now: number): void {
    if (this.impressed || this.seenSince === null || now - this.seenSince < IMPRESSION_MS) return;
    this.impressed = true;
    this.emit({ type: "impression" });
  }

  /** The clip became the one on stage. */
  enter(now: number): void {
    this.activeSince = now;
    this.lastViewAt = now;
  }

  /** The playhead is at `positionMs`; `counting` is false while hidden or stalled. */
  sample(positionMs: number, counting: boolean, now: number): void {
    if (counting) this.started = true;
    this.watched.sample(positionMs, counting);
    if (!this.completed && this.watched.isComplete) {
      this.completed = true;
      this.emit({ type: "completion", ...this.totals() });
    }
    if (now - this.lastViewAt >= VIEW_EVERY_MS) this.report(now);
  }

  seek(positionMs: number): void {
    this.watched.seek(positionMs);
  }

  /** The page is going away: say what is known, judge nothing. */
  report(now: number): void {
    this.lastViewAt = now;
    const totals = this.totals();
    if (totals.watch_ms === this.reportedWatchMs) return;
    this.reportedWatchMs = totals.watch_ms;
    this.emit({ type: "view", ...totals });
  }

  /** The viewer moved on to another clip. */
  leave(now: number): void {
    this.report(now);
    if (this.isSkip(now)) {
      this.skipped = true;
      this.emit({ type: "skip", ...this.totals() });
    }
    this.seenSince = null;
    this.activeSince = null;
    this.watched.detach();
  }

  private isSkip(now: number): boolean {
    if (this.skipped || this.completed || this.activeSince === null) return false;
    if (this.watched.watchMs >= SKIP_BELOW_MS) return false;
    // Someone who waited in vain for the first frame did not reject the clip.
    return this.started || now - this.activeSince < SKIP_BELOW_MS;
  }

  private totals(): { watch_ms: number; position_ms: number; loops: number } {
    return {
      watch_ms: Math.round(this.watched.watchMs),
      position_ms: Math.round(this.watched.positionMs),
      loops: this.watched.loops,
    };
  }
}
