import type { EventFacts } from "../events/wire";

/** What one serving's playback was like, for the operators. Times are milliseconds of a monotonic clock. */
export class Quality {
  private startupMs: number | null = null;
  private rebufferMs = 0;
  private rebufferCount = 0;
  private stalledAt: number | null = null;
  private up = 0;
  private down = 0;
  private height = 0;
  private heightTime = 0;
  private heightSum = 0;
  private error: string | null = null;

  constructor(
    private readonly activatedAt: number,
    private readonly warm: boolean,
  ) {}

  get hasStarted(): boolean {
    return this.startupMs !== null;
  }

  firstFrame(now: number): void {
    this.startupMs ??= Math.max(0, now - this.activatedAt);
  }

  stall(now: number): void {
    if (!this.hasStarted || this.stalledAt !== null) return;
    this.stalledAt = now;
    this.rebufferCount += 1;
  }

  resume(now: number): void {
    if (this.stalledAt === null) return;
    this.rebufferMs += now - this.stalledAt;
    this.stalledAt = null;
  }

  /** The rung shown from now on; 0 is not known. */
  playsHeight(height: number): void {
    if (height <= 0) return;
    if (this.height > 0 && height > this.height) this.up += 1;
    if (this.height > 0 && height < this.height) this.down += 1;
    this.height = height;
  }

  advance(ms: number): void {
    if (this.height <= 0 || ms <= 0) return;
    this.heightTime += ms;
    this.heightSum += ms * this.height;
  }

  fail(code: string): void {
    this.error ??= code.slice(0, 60);
  }

  /** The event's facts; a clip left before anything happened has none to tell. */
  facts(now: number, frames: { dropped: number; total: number } | null): EventFacts | null {
    this.resume(now);
    if (!this.hasStarted && this.error === null) return null;
    return {
      type: "quality",
      ...(this.startupMs === null ? {} : { startup_ms: Math.round(this.startupMs) }),
      warm: this.warm,
      rebuffer_ms: Math.round(this.rebufferMs),
      rebuffer_count: this.rebufferCount,
      switches_up: this.up,
      switches_down: this.down,
      ...(this.heightTime > 0 ? { mean_height: Math.round(this.heightSum / this.heightTime) } : {}),
      ...(frames ? { dropped_frames: frames.dropped, total_frames: frames.total } : {}),
      ...(this.error === null ? {} : { error: this.error }),
    };
  }
}
