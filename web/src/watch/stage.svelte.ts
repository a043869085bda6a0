import { reachable } from "../api/address";
import { getClip } from "../api/clips";
import { asApiError } from "../api/request";
import { flushEventsLeaving, record } from "../events/send";
import { IMPRESSION_MS, Serving } from "../events/serving";
import { loadHls } from "../player/load-hls";
import { Pool } from "../player/pool";
import { preferences } from "../player/preferences.svelte";
import { Quality } from "../player/quality";
import { StallWatch, type StallStage } from "../player/stall";
import type { Feed, WatchItem } from "./feed.svelte";
import { ShownCaptions } from "./captions.svelte";
import { announceToSystem } from "./media-session";

/** The failure of a clip the server no longer has for this viewer. */
export const GONE = "clip_gone";
/** Timers may fire a little early; the impression's second must be over. */
const TICK_SLACK_MS = 20;

/** The player behind the watch page: which clip is on stage, what it does, and what is told about it. */
export class Stage {
  current = $state(-1);
  paused = $state(true);
  muted = $state(preferences.sound !== "on");
  /** The browser refused sound or playback until the viewer acts. */
  blocked = $state(false);
  stall = $state<StallStage>("none");
  failure = $state<string | null>(null);
  /** Which clip each video element belongs to. */
  slots = $state.raw<readonly (number | null)[]>([null, null, null]);
  /** Elements that have a picture to show. */
  shown = $state<boolean[]>([false, false, false]);
  durationMs = $state(0);
  readonly captions = new ShownCaptions();

  private pool: Pool | null = null;
  private videos: readonly HTMLVideoElement[] = [];
  private readonly servings = new Map<string, Serving>();
  private quality: Quality | null = null;
  private told: Quality | null = null;
  private gone = false;
  private wantsPlay = false;
  private lastPositionMs = 0;
  private readonly stallWatch: StallWatch;

  constructor(private readonly feed: Feed) {
    this.stallWatch = new StallWatch(
      (stage) => (this.stall = stage),
      () => this.pool?.engine(this.current)?.dropRung(),
    );
  }

  get item(): WatchItem | undefined {
    return this.feed.items[this.current];
  }

  get video(): HTMLVideoElement | undefined {
    return this.pool?.video(this.current);
  }

  /** Takes the page's three elements; call once they are in the document. */
  async mount(videos: readonly HTMLVideoElement[]): Promise<void> {
    const HlsImpl = await loadHls();
    if (this.gone) return;
    this.videos = [...videos];
    this.pool?.destroy();
    this.pool = new Pool(this.videos, HlsImpl, !preferences.isCalm() && preferences.autoplay, {
      source: (index) => this.sourceOf(index),
      assigned: (slots) => (this.slots = slots),
      height: (index, px) => {
        if (index === this.current) this.quality?.playsHeight(px);
      },
      failed: (index, code) => this.onFailed(index, code),
    });
    this.applySound();
  }

  unmount(): void {
    this.gone = true;
    this.leave();
    this.current = -1;
    this.stallWatch.end();
    this.pool?.destroy();
    this.pool = null;
    flushEventsLeaving();
  }

  /** The viewer arrived at clip `index`. */
  enter(index: number): void {
    if (index === this.current || !this.pool || !this.feed.items[index]) return;
    this.leave();
    this.current = index;
    this.failure = null;
    this.blocked = false;
    const now = performance.now();
    const { isWarm } = this.pool.activate(index);
    this.quality = new Quality(now, isWarm);
    this.quality.playsHeight(this.pool.engine(index)?.shownHeight ?? 0);
    this.begin(now);
    void this.feed.advance(index);
    announceToSystem(this.item, this);
  }

  /** The viewer scrolled past the last clip: nothing plays. */
  park(): void {
    this.leave();
    this.pool?.deactivate();
    this.current = -1;
    this.paused = true;
  }

  private begin(now: number): void {
    const item = this.item;
    const video = this.video;
    if (!item || !video) return;
    this.durationMs = item.clip.duration_ms ?? 0;
    if (video.readyState > 0) video.currentTime = 0;
    this.lastPositionMs = 0;
    const serving = this.servingOf(item);
    serving.enter(now);
    serving.seek(0);
    serving.setSeen(!document.hidden, now);
    this.impressionTimer(serving);
    this.wantsPlay = preferences.autoplay;
    if (this.wantsPlay) void this.play();
    else this.paused = true;
  }

  private leave(): void {
    const item = this.item;
    if (!item) return;
    const now = performance.now();
    this.sample();
    this.stallWatch.end();
    this.servingOf(item).leave(now);
    this.tellQuality(item, now);
    this.quality = null;
  }

  /** Once for each time on stage, as late as possible. */
  private tellQuality(item: WatchItem, now: number): void {
    const facts = this.quality?.facts(now, this.frames());
    if (facts && this.told !== this.quality) record(item.clip.id, item.servedId, facts);
    this.told = this.quality;
  }

  private frames(): { dropped: number; total: number } | null {
    const counts = this.video?.getVideoPlaybackQuality?.();
    return counts ? { dropped: counts.droppedVideoFrames, total: counts.totalVideoFrames } : null;
  }

  private servingOf(item: WatchItem): Serving {
    let serving = this.servings.get(item.key);
    if (!serving) {
      serving = new Serving(item.clip.duration_ms ?? 1000, (facts) => record(item.clip.id, item.servedId, facts));
      this.servings.set(item.key, serving);
    }
    return serving;
  }

  private impressionTimer(serving: Serving): void {
    setTimeout(() => serving.tick(performance.now()), IMPRESSION_MS + TICK_SLACK_MS);
  }

  private sourceOf(index: number) {
    const item = this.feed.items[index];
    if (!item?.clip.hls_url) return null;
    return { hlsUrl: reachable(item.clip.hls_url, location.href), durationMs: item.clip.duration_ms ?? 0, start: item.start };
  }

  // Acts of the viewer.

  async toggle(): Promise<void> {
    if (this.paused) {
      this.wantsPlay = true;
      await this.play();
    } else {
      this.wantsPlay = false;
      this.video?.pause();
    }
  }

  seekTo(ms: number): void {
    const video = this.video;
    if (!video || !this.item) return;
    this.sample();
    const target = Math.max(0, Math.min(ms, this.durationMs - 50));
    video.currentTime = target / 1000;
    this.lastPositionMs = target;
    this.servingOf(this.item).seek(target);
  }

  seekBy(ms: number): void {
    if (this.video) this.seekTo(this.video.currentTime * 1000 + ms);
  }

  setMuted(muted: boolean): void {
    this.muted = muted;
    preferences.setSound(muted ? "off" : "on");
    this.applySound();
    if (!muted && this.wantsPlay && this.paused) void this.play();
  }

  setRate(rate: number): void {
    preferences.rate = rate;
    this.applySound();
  }

  /** Once more, with what the server says of the clip now: its address may have expired, or the clip be gone. */
  async retry(): Promise<void> {
    const index = this.current;
    const item = this.item;
    if (!item) return;
    this.failure = null;
    this.stallWatch.end();
    this.stallWatch.begin();
    try {
      const { hls_url } = await getClip(item.clip.id);
      this.feed.update(item.clip.id, (clip) => ({ ...clip, hls_url }));
    } catch (cause) {
      const error = asApiError(cause);
      return this.onFailed(index, error.status === 404 ? GONE : error.code);
    }
    if (index !== this.current) return;
    this.pool?.renew();
    this.wantsPlay = true;
    await this.play();
  }

  private applySound(): void {
    // All three inside the gesture: some browsers judge each element for itself. Only the current one ever plays.
    for (const video of this.videos) {
      video.muted = this.muted;
      video.volume = preferences.volume;
      video.defaultPlaybackRate = preferences.rate;
      video.playbackRate = preferences.rate;
    }
  }

  private async play(): Promise<void> {
    const video = this.video;
    if (!video || document.hidden) return;
    if (video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA) this.stallWatch.begin();
    this.awaitFrame(video);
    try {
      await video.play();
    } catch (cause) {
      if (video === this.video && cause instanceof DOMException && cause.name === "NotAllowedError") await this.playQuietly(video);
    }
  }

  /** Sound was refused: without it first, and if even that is refused, the viewer gets a play button. */
  private async playQuietly(video: HTMLVideoElement): Promise<void> {
    if (video.muted) {
      this.blocked = true;
      this.stallWatch.end();
      return;
    }
    this.muted = true;
    preferences.sound = null;
    this.applySound();
    await video.play().catch(() => {
      this.blocked = true;
      this.stallWatch.end();
    });
  }

  private awaitFrame(video: HTMLVideoElement): void {
    const quality = this.quality;
    video.requestVideoFrameCallback?.(() => quality?.firstFrame(performance.now()));
  }

  // What the elements report.

  onPicture(slot: number, has: boolean): void {
    this.shown[slot] = has;
  }

  onPlay(video: HTMLVideoElement): void {
    if (video !== this.video) return;
    this.paused = false;
    this.blocked = false;
  }

  onPause(video: HTMLVideoElement): void {
    if (video !== this.video) return;
    this.sample();
    this.paused = true;
  }

  onWaiting(video: HTMLVideoElement): void {
    if (video !== this.video || video.paused) return;
    this.sample();
    this.quality?.stall(performance.now());
    this.stallWatch.begin();
  }

  onPlaying(video: HTMLVideoElement): void {
    if (video !== this.video) return;
    const now = performance.now();
    this.lastPositionMs = video.currentTime * 1000;
    if (!video.requestVideoFrameCallback) this.quality?.firstFrame(now);
    this.quality?.resume(now);
    this.stallWatch.end();
    this.failure = null;
  }

  onTime(video: HTMLVideoElement): void {
    if (video !== this.video) return;
    this.sample();
    this.pool?.schedule();
  }

  private sample(): void {
    const item = this.item;
    const video = this.video;
    if (!item || !video || video.readyState === 0) return;
    const position = video.currentTime * 1000;
    const counting = this.isWatched(video) && !this.stallWatch.isWaiting;
    if (counting) this.quality?.advance(position - this.lastPositionMs);
    this.lastPositionMs = position;
    this.servingOf(item).sample(position, counting && this.quality?.hasStarted === true, performance.now());
  }

  private isWatched(video: HTMLVideoElement): boolean {
    return !document.hidden || document.pictureInPictureElement === video;
  }

  private onFailed(index: number, code: string): void {
    if (index !== this.current) return;
    this.stallWatch.end();
    this.quality?.fail(code);
    this.failure = code;
  }

  // The page itself.

  onVisibility(): void {
    const item = this.item;
    const video = this.video;
    if (!item || !video) return;
    const now = performance.now();
    const serving = this.servingOf(item);
    if (document.hidden) {
      this.sample();
      serving.setSeen(false, now);
      serving.report(now);
      flushEventsLeaving();
      if (document.pictureInPictureElement !== video) video.pause();
    } else {
      serving.setSeen(true, now);
      this.impressionTimer(serving);
      if (this.wantsPlay) void this.play();
    }
  }

  /** The page may be gone after this. */
  onPageHide(): void {
    const item = this.item;
    if (item) {
      this.sample();
      const now = performance.now();
      this.servingOf(item).report(now);
      this.tellQuality(item, now);
    }
    flushEventsLeaving();
  }

  onOnline(): void {
    if (this.failure !== null) void this.retry();
    if (this.feed.error) void this.feed.load();
  }

  note(facts: { type: "share" | "not_interested" }): void {
    const item = this.item;
    if (item) record(item.clip.id, item.servedId, facts);
  }
}
