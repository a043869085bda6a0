export type EventType = "impression" | "view" | "completion" | "skip" | "share" | "not_interested" | "quality";

/** One element of `POST /v1/events`; only fields of the contract, since unknown ones are refused. */
export interface PlaybackEvent {
  id: string;
  type: EventType;
  at: string;
  clip_id: string;
  served_id?: string;
  watch_ms?: number;
  position_ms?: number;
  loops?: number;
  startup_ms?: number;
  warm?: boolean;
  rebuffer_ms?: number;
  rebuffer_count?: number;
  switches_up?: number;
  switches_down?: number;
  mean_height?: number;
  dropped_frames?: number;
  total_frames?: number;
  error?: string;
}

/** What an event says beyond which serving it is about. */
export type EventFacts = Omit<PlaybackEvent, "id" | "at" | "clip_id" | "served_id">;
