import { describe, expect, it } from "vitest";
import { EventQueue, type QueueHost, type SendOutcome } from "./queue";
import type { PlaybackEvent } from "./wire";

const NOW = Date.parse("2026-11-23T08:00:00Z");

function event(id: string, at = new Date(NOW).toISOString(), padding = ""): PlaybackEvent {
  return { id, type: "view", at, clip_id: `c${padding}` };
}

/** A host without a browser: the clock and the timers are moved by hand. */
function fakeHost(answers: SendOutcome[] = [], stored: string | null = null) {
  const state = { now: NOW, stored, batches: [] as string[][], timer: null as { at: number; run: () => void } | null };
  const host: QueueHost = {
    send: async (events) => {
      state.batches.push(events.map(({ id }) => id));
      return answers.shift() ?? { kind: "sent" };
    },
    load: () => state.stored,
    store: (text) => (state.stored = text),
    now: () => state.now,
    after: (ms, run) => {
      const timer = { at: state.now + ms, run };
      state.timer = timer;
      return () => {
        if (state.timer === timer) state.timer = null;
      };
    },
  };
  async function advance(ms: number) {
    state.now += ms;
    if (!state.timer || state.timer.at > state.now) return;
    const { run } = state.timer;
    state.timer = null;
    run();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { state, host, advance };
}

describe("event queue", () => {
  it("sends after ten seconds", async () => {
    const { state, host, advance } = fakeHost();
    const queue = new EventQueue(host);
    queue.push(event("a"));
    await advance(9_999);
    expect(state.batches).toEqual([]);
    await advance(1);
    expect(state.batches).toEqual([["a"]]);
    expect(queue.size).toBe(0);
  });

  it("sends at twenty events without waiting", async () => {
    const { state, host, advance } = fakeHost();
    const queue = new EventQueue(host);
    for (let i = 0; i < 20; i += 1) queue.push(event(`e${i}`));
    await advance(0);
    expect(state.batches.map((batch) => batch.length)).toEqual([20]);
  });

  it("splits at a hundred events and at sixty thousand bytes", async () => {
    const { state, host } = fakeHost();
    const queue = new EventQueue(host);
    for (let i = 0; i < 130; i += 1) queue.push(event(`e${i}`));
    await queue.flush();
    expect(state.batches.map((batch) => batch.length)).toEqual([100, 30]);
    for (let i = 0; i < 3; i += 1) queue.push(event(`big${i}`, undefined, "x".repeat(25_000)));
    await queue.flush();
    expect(state.batches.slice(2).map((batch) => batch.length)).toEqual([2, 1]);
  });

  it("keeps what the server could not take, and waits as long as it asked", async () => {
    const { state, host, advance } = fakeHost([{ kind: "later", afterMs: 60_000 }]);
    const queue = new EventQueue(host);
    queue.push(event("a"));
    await queue.flush();
    expect(queue.size).toBe(1);
    for (let i = 0; i < 25; i += 1) queue.push(event(`e${i}`));
    await advance(59_999);
    expect(state.batches).toHaveLength(1);
    await advance(1);
    expect(state.batches[1]).toHaveLength(26);
    expect(queue.size).toBe(0);
  });

  it("drops what the server will never take", async () => {
    const { host } = fakeHost([{ kind: "refused" }]);
    const queue = new EventQueue(host);
    queue.push(event("a"));
    await queue.flush();
    expect(queue.size).toBe(0);
  });

  it("stores events before they are sent and finds them again, but not after a day", () => {
    const { state, host } = fakeHost();
    new EventQueue(host).push(event("kept"));
    const old = event("old", new Date(NOW - 25 * 3600_000).toISOString());
    const again = fakeHost([], JSON.stringify([old, ...(JSON.parse(state.stored ?? "[]") as PlaybackEvent[])]));
    expect(new EventQueue(again.host).size).toBe(1);
  });

  it("keeps no more than five hundred", () => {
    const { host } = fakeHost();
    const queue = new EventQueue(host);
    for (let i = 0; i < 510; i += 1) queue.push(event(`e${i}`));
    expect(queue.size).toBe(500);
  });

  it("survives nonsense in the store", () => {
    expect(new EventQueue(fakeHost([], "{not json").host).size).toBe(0);
    expect(new EventQueue(fakeHost([], '{"a":1}').host).size).toBe(0);
  });

  it("sends an event once when hiding is followed by closing", async () => {
    const { state, host } = fakeHost();
    const queue = new EventQueue(host);
    queue.push(event("a"));
    queue.flushLeaving();
    queue.push(event("b"));
    queue.flushLeaving();
    await new Promise((resolve) => setImmediate(resolve));
    expect(state.batches).toEqual([["a"], ["b"]]);
    expect(queue.size).toBe(0);
  });

  it("leaves unconfirmed events stored when the page goes away", async () => {
    const { state, host } = fakeHost([{ kind: "later", afterMs: null }]);
    const queue = new EventQueue(host);
    queue.push(event("a"));
    queue.flushLeaving();
    await new Promise((resolve) => setImmediate(resolve));
    expect(state.batches).toEqual([["a"]]);
    expect(JSON.parse(state.stored ?? "[]")).toHaveLength(1);
  });
});
