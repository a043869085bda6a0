/** A sample this much further than the last one is a jump nobody watched. */
const LONGEST_STEP_MS = 3_000;
/** A step back that starts this close to the end and lands this close to the start is a loop. */
const WRAP_WINDOW_MS = 1_500;
const COMPLETE_SHARE = 0.95;
/** Coverage is kept in whole seconds, or in hundredths of a clip too short for them. */
const SLICE_MS = 1_000;
const SLICES_LEAST = 100;

/** Media time one viewer saw of one serving: a sum of advances, never of wall time. */
export class Watched {
  watchMs = 0;
  loops = 0;
  private lastMs: number | null = null;
  private readonly seen = new Set<number>();
  private readonly sliceMs: number;

  constructor(private readonly durationMs: number) {
    this.sliceMs = Math.max(1, Math.min(SLICE_MS, durationMs / SLICES_LEAST));
  }

  get positionMs(): number {
    return this.lastMs ?? 0;
  }

  /** What was seen at least once makes up 95 % of the clip. */
  get isComplete(): boolean {
    return this.seen.size >= COMPLETE_SHARE * this.slices();
  }

  /** The playhead is at `positionMs`; `counting` is false while hidden or stalled. */
  sample(positionMs: number, counting: boolean): void {
    const last = this.lastMs;
    this.lastMs = positionMs;
    if (last === null || !counting) return;
    const step = positionMs - last;
    if (step >= 0) {
      if (step <= LONGEST_STEP_MS) this.add(last, positionMs);
    } else if (this.wraps(last, positionMs)) {
      this.loops += 1;
      this.add(last, this.durationMs);
      this.add(0, positionMs);
    }
  }

  /** The viewer moved the playhead to `positionMs`. */
  seek(positionMs: number): void {
    this.lastMs = positionMs;
  }

  /** The player goes away; the next sample starts afresh. */
  detach(): void {
    this.lastMs = null;
  }

  private wraps(fromMs: number, toMs: number): boolean {
    return fromMs >= this.durationMs - WRAP_WINDOW_MS && toMs <= WRAP_WINDOW_MS;
  }

  private add(fromMs: number, toMs: number): void {
    if (toMs <= fromMs) return;
    this.watchMs += toMs - fromMs;
    const end = Math.min(toMs, this.slices() * this.sliceMs);
    for (let slice = Math.floor(fromMs / this.sliceMs); slice * this.sliceMs < end; slice += 1) this.seen.add(slice);
  }

  private slices(): number {
    return Math.max(1, Math.ceil(this.durationMs / this.sliceMs));
  }
}
