/** Shorter waits are not worth a word. */
export const SLOW_MS = 400;
export const DROP_MS = 3_000;
export const STUCK_MS = 8_000;

export type StallStage = "none" | "slow" | "stuck";

/** Counts how long the stage has been waiting and says what to do about it. */
export class StallWatch {
  private timers: ReturnType<typeof setTimeout>[] = [];

  constructor(
    private readonly show: (stage: StallStage) => void,
    private readonly dropRung: () => void,
  ) {}

  get isWaiting(): boolean {
    return this.timers.length > 0;
  }

  begin(): void {
    if (this.isWaiting) return;
    this.timers = [
      setTimeout(() => this.show("slow"), SLOW_MS),
      setTimeout(() => this.dropRung(), DROP_MS),
      setTimeout(() => this.show("stuck"), STUCK_MS),
    ];
  }

  end(): void {
    this.timers.forEach(clearTimeout);
    this.timers = [];
    this.show("none");
  }
}
