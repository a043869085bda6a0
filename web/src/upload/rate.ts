/** Rates are taken over this much of the past. */
const WINDOW_MS = 8_000;

/** Bytes a second over the last moments, from durable totals as they become known. */
export class RateMeter {
  private samples: { at: number; bytes: number }[] = [];

  note(bytes: number, at: number): void {
    this.samples = [...this.samples.filter((sample) => at - sample.at <= WINDOW_MS), { at, bytes }];
  }

  /** Forget the past: a pause is not a slow link. */
  reset(): void {
    this.samples = [];
  }

  /** `null` until two moments are known. */
  bytesPerSecond(): number | null {
    const first = this.samples[0];
    const last = this.samples.at(-1);
    if (!first || !last || last.at - first.at < 500) return null;
    return Math.max(0, ((last.bytes - first.bytes) / (last.at - first.at)) * 1000);
  }

  secondsLeft(total: number): number | null {
    const rate = this.bytesPerSecond();
    const last = this.samples.at(-1);
    return rate && last ? (total - last.bytes) / rate : null;
  }
}
