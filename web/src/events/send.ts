import { ApiError, request } from "../api/request";
import { newId } from "../identifier";
import { readSetting, writeSetting } from "../storage";
import { EventQueue, type SendOutcome } from "./queue";
import type { EventFacts, PlaybackEvent } from "./wire";

const PATH = "/v1/events";
const SETTING = "events";

async function send(events: PlaybackEvent[], leaving: boolean): Promise<SendOutcome> {
  try {
    await request("POST", PATH, { body: { events }, keepalive: leaving });
    return { kind: "sent" };
  } catch (cause) {
    if (leaving && isUnsent(cause)) return beacon(events);
    return outcomeOf(cause);
  }
}

/** A request a closing page may not start any more (or a full keepalive quota) looks like a network failure. */
const isUnsent = (cause: unknown): boolean => cause instanceof ApiError && cause.code === "unreachable";

function beacon(events: PlaybackEvent[]): SendOutcome {
  const body = new Blob([JSON.stringify({ events })], { type: "application/json" });
  navigator.sendBeacon(PATH, body);
  // A beacon tells nothing back: the events stay until a later answer names them duplicates.
  return { kind: "later", afterMs: null };
}

function outcomeOf(cause: unknown): SendOutcome {
  if (!(cause instanceof ApiError)) return { kind: "later", afterMs: null };
  const isFinal = cause.status >= 400 && cause.status < 500 && ![401, 403, 408, 429].includes(cause.status);
  return isFinal ? { kind: "refused" } : { kind: "later", afterMs: cause.retryAfterMs };
}

const queue = new EventQueue({
  send,
  load: () => readSetting(SETTING),
  store: (text) => writeSetting(SETTING, text === "[]" ? null : text),
  now: () => Date.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
});

/** Notes one event about a serving (or a clip reached by its link). */
export function record(clipId: string, servedId: string | null, facts: EventFacts): void {
  queue.push({
    ...facts,
    id: newId(),
    at: new Date().toISOString(),
    clip_id: clipId,
    ...(servedId ? { served_id: servedId } : {}),
  });
}

export const flushEvents = (): Promise<void> => queue.flush();
export const flushEventsLeaving = (): void => queue.flushLeaving();
