import { bandwidthEstimate } from "./estimate";
import { Engine, type Source } from "./engine";
import type { HlsClass } from "./load-hls";
import { guardS } from "./start-level";

/** Previous, current, next. */
export const POOL_SIZE = 3;

export interface PoolHooks {
  source(index: number): Source | null;
  /** Which clip each element belongs to now; `null` is idle. */
  assigned(slots: readonly (number | null)[]): void;
  height(index: number, px: number): void;
  failed(index: number, code: string): void;
}

interface Slot {
  index: number;
  engine: Engine;
}

/**
 * Three video elements shared by the whole feed. Clip `i` always plays on element `i mod 3`, so neighbours never meet
 * and no element is moved in the document.
 */
export class Pool {
  private readonly slots: (Slot | null)[] = Array.from({ length: POOL_SIZE }, () => null);
  private current = -1;

  constructor(
    private readonly videos: readonly HTMLVideoElement[],
    private readonly HlsImpl: HlsClass | null,
    private readonly mayPrefetch: boolean,
    private readonly hooks: PoolHooks,
  ) {}

  video(index: number): HTMLVideoElement | undefined {
    return this.videos[((index % POOL_SIZE) + POOL_SIZE) % POOL_SIZE];
  }

  engine(index: number): Engine | null {
    const slot = this.slots[((index % POOL_SIZE) + POOL_SIZE) % POOL_SIZE];
    return slot?.index === index ? slot.engine : null;
  }

  /** Makes clip `index` the one that loads and may play; tells whether it had been waiting with a frame. */
  activate(index: number): { isWarm: boolean } {
    if (index !== this.current) this.rest(this.current);
    this.current = index;
    this.release((held) => Math.abs(held - index) > 1 || (held === index && this.engine(held)?.hasFailed === true));
    const waiting = this.engine(index);
    const isWarm = waiting !== null && waiting.video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
    (waiting ?? this.prepare(index, true))?.play();
    this.schedule();
    return { isWarm };
  }

  /** Starts the current clip over at the place it had reached, from the address it has now. */
  renew(): void {
    const index = this.current;
    const reachedS = this.engine(index)?.video.currentTime ?? 0;
    this.release((held) => held === index);
    this.prepare(index, true, reachedS)?.play();
  }

  /** Nothing on stage loads any more. */
  deactivate(): void {
    this.rest(this.current);
    this.current = -1;
  }

  /** Lets the next clip fetch its first segment as soon as the current one is safe. */
  schedule(): void {
    const next = this.current + 1;
    if (!this.mayPrefetch || this.current < 0 || this.engine(next) || !this.isCurrentSafe()) return;
    this.prepare(next, false);
  }

  destroy(): void {
    this.release(() => true);
  }

  private isCurrentSafe(): boolean {
    const engine = this.engine(this.current);
    if (!engine) return false;
    const { video } = engine;
    const end = bufferedEnd(video);
    const isWhole = Number.isFinite(video.duration) && end >= video.duration - 0.25;
    return isWhole || end - video.currentTime >= guardS(engine.currentRung(), bandwidthEstimate());
  }

  private rest(index: number): void {
    const engine = this.engine(index);
    if (!engine) return;
    engine.rest();
    engine.video.pause();
  }

  private prepare(index: number, isCold: boolean, fromS = 0): Engine | null {
    const source = this.hooks.source(index);
    const video = this.video(index);
    if (!source || !video) return null;
    this.release((held) => held !== index && this.video(held) === video);
    const hooks = {
      buffered: () => this.schedule(),
      height: (px: number) => this.hooks.height(index, px),
      failed: (code: string) => this.hooks.failed(index, code),
    };
    const engine = new Engine(video, source, this.HlsImpl, isCold, hooks, fromS);
    this.slots[index % POOL_SIZE] = { index, engine };
    this.report();
    return engine;
  }

  private release(isObsolete: (index: number) => boolean): void {
    this.slots.forEach((slot, at) => {
      if (!slot || !isObsolete(slot.index)) return;
      slot.engine.destroy();
      this.slots[at] = null;
    });
    this.report();
  }

  private report(): void {
    this.hooks.assigned(this.slots.map((slot) => slot?.index ?? null));
  }
}

/** Where the buffered range around the playhead ends, in seconds. */
function bufferedEnd(video: HTMLVideoElement): number {
  for (let i = 0; i < video.buffered.length; i += 1) {
    if (video.buffered.start(i) <= video.currentTime + 0.1 && video.buffered.end(i) > video.currentTime) return video.buffered.end(i);
  }
  return video.currentTime;
}
