import type { PlaybackEvent } from "./wire";

/** The contract's batch. */
const BATCH_EVENTS = 100;
/** Browsers allow 64 KiB for all requests that outlive their page together. */
const BATCH_BYTES = 60_000;
/** Enough to send at once. */
const EAGER_EVENTS = 20;
const EAGER_MS = 10_000;
/** What is kept while offline. */
const KEPT_EVENTS = 500;
const KEPT_MS = 24 * 3600_000;
const BACKOFF_MS = 15_000;

/** `sent`: the server has judged every element; `refused`: it never will; `later`: keep and try again. */
export type SendOutcome = { kind: "sent" } | { kind: "refused" } | { kind: "later"; afterMs: number | null };

export interface QueueHost {
  /** Sends one batch; `leaving` when the page may die meanwhile. */
  send(events: PlaybackEvent[], leaving: boolean): Promise<SendOutcome>;
  load(): string | null;
  store(text: string): void;
  now(): number;
  /** Calls back once after `ms`; returns how to cancel. */
  after(ms: number, run: () => void): () => void;
}

/**
 * Events wait here until the server has answered for them. They are stored before they are sent, and ids make sending
 * twice harmless, so neither a closed tab nor a lost answer costs or doubles anything.
 */
export class EventQueue {
  private events: PlaybackEvent[];
  private sending = false;
  private cancelTimer: (() => void) | null = null;
  /** Sent while leaving and not answered yet: being hidden and being closed often follow each other. */
  private readonly leaving = new Set<string>();
  /** The server asked for patience until then. */
  private quietUntil = 0;

  constructor(private readonly host: QueueHost) {
    this.events = restore(host);
    if (this.events.length > 0) this.schedule(EAGER_MS);
  }

  get size(): number {
    return this.events.length;
  }

  push(event: PlaybackEvent): void {
    this.events.push(event);
    if (this.events.length > KEPT_EVENTS) this.events.splice(0, this.events.length - KEPT_EVENTS);
    this.persist();
    this.schedule(this.events.length >= EAGER_EVENTS ? 0 : EAGER_MS);
  }

  /** Sends everything now, batch after batch, until the queue is empty or the server asks for patience. */
  async flush(): Promise<void> {
    if (this.sending) return;
    this.unschedule();
    this.sending = true;
    try {
      while (this.events.length > 0 && (await this.sendFirstBatch()));
    } finally {
      this.sending = false;
    }
  }

  /** The page is being hidden or closed: one batch that may outlive it. What is not confirmed stays stored. */
  flushLeaving(): void {
    const batch = this.firstBatch((event) => !this.leaving.has(event.id));
    if (batch.length === 0) return;
    for (const { id } of batch) this.leaving.add(id);
    void this.host.send(batch, true).then((outcome) => {
      for (const { id } of batch) this.leaving.delete(id);
      if (outcome.kind !== "later") this.drop(batch);
    });
  }

  private async sendFirstBatch(): Promise<boolean> {
    const batch = this.firstBatch();
    const outcome = await this.host.send(batch, false);
    if (outcome.kind === "later") {
      this.quietUntil = this.host.now() + (outcome.afterMs ?? BACKOFF_MS);
      this.schedule(0);
      return false;
    }
    this.drop(batch);
    return true;
  }

  private firstBatch(wanted: (event: PlaybackEvent) => boolean = () => true): PlaybackEvent[] {
    const batch: PlaybackEvent[] = [];
    let bytes = '{"events":[]}'.length;
    for (const event of this.events.filter(wanted).slice(0, BATCH_EVENTS)) {
      bytes += JSON.stringify(event).length + 1;
      if (bytes > BATCH_BYTES && batch.length > 0) break;
      batch.push(event);
    }
    return batch;
  }

  private drop(batch: PlaybackEvent[]): void {
    const done = new Set(batch.map((event) => event.id));
    this.events = this.events.filter((event) => !done.has(event.id));
    this.persist();
  }

  private persist(): void {
    this.host.store(JSON.stringify(this.events));
  }

  private schedule(ms: number): void {
    if (this.cancelTimer !== null && ms > 0) return;
    this.unschedule();
    const delay = Math.max(ms, this.quietUntil - this.host.now());
    this.cancelTimer = this.host.after(delay, () => {
      this.cancelTimer = null;
      void this.flush();
    });
  }

  private unschedule(): void {
    this.cancelTimer?.();
    this.cancelTimer = null;
  }
}

function restore(host: QueueHost): PlaybackEvent[] {
  try {
    const events: unknown = JSON.parse(host.load() ?? "[]");
    if (!Array.isArray(events)) return [];
    const oldest = host.now() - KEPT_MS;
    return (events as PlaybackEvent[]).filter((event) => Date.parse(event.at) >= oldest).slice(-KEPT_EVENTS);
  } catch {
    // Another version of this page, or somebody's hand: nothing of it can be trusted.
    return [];
  }
}
