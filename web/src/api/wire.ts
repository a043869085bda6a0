/** The v1 shapes this app reads, as the contract gives them. */

export type Visibility = "public" | "unlisted" | "followers" | "private";
export type ClipState = "draft" | "processing" | "ready" | "failed";

export interface Creator {
  id: string;
  handle: string;
  name: string;
  avatar_url?: string | null;
}

/** A text track of a clip. */
export interface Captions {
  language: string;
  label: string;
  kind: "captions" | "subtitles";
  auto: boolean;
  /** There once the clip is playable. */
  url?: string;
}

export interface ClipFailure {
  code: string;
  message: string;
  retryable: boolean;
}

export interface Clip {
  id: string;
  creator: Creator;
  caption: string;
  hashtags: string[];
  language?: string | null;
  created_at: string;
  published_at?: string | null;
  visibility: Visibility;
  state: ClipState;
  progress: number;
  complete: boolean;
  failure?: ClipFailure | null;
  hls_url?: string | null;
  poster_url?: string | null;
  thumbhash?: string | null;
  /** A chosen cover is being made. */
  poster_pending?: boolean;
  storyboard_url?: string | null;
  preview_url?: string | null;
  allow_download: boolean;
  mp4_url?: string | null;
  duration_ms?: number | null;
  width?: number | null;
  height?: number | null;
  has_audio?: boolean | null;
  captions: Captions[];
  counts: { views: number; likes: number; comments: number; shares: number };
  viewer: { liked: boolean; following: boolean };
}

/** What `GET /v1/clips/{id}/events` sends as `event: clip`. */
export interface ClipProgress {
  state: ClipState;
  progress: number;
  complete: boolean;
  failure?: ClipFailure | null;
}

/** One rung's first segment, so that a player can choose without a playlist. */
export interface StartRung {
  height: number;
  bandwidth: number;
  init_url: string;
  first_url: string;
  first_bytes: number;
  first_ms: number;
}

export interface Reason {
  code: string;
  text: string;
}

/** Why a clip was served, in full. */
export interface Why {
  reason: Reason;
  source: string;
  /** It got its place to be tried, rather than for its score. */
  explored: boolean;
  terms: { term: string; value: number }[];
  /** Whether what its viewer watched was used. */
  profiled: boolean;
}

export interface FeedItem {
  served_id: string;
  reason: Reason;
  clip: Clip;
  start: StartRung[];
}

export interface FeedPage {
  items: FeedItem[];
  next_cursor: string | null;
  prefetch_count: number;
  server_time: string;
}

export interface ClipPage {
  items: Clip[];
  next_cursor: string | null;
}

export interface Account {
  id: string;
  handle: string;
  name: string;
  email?: string | null;
  avatar_url?: string | null;
}

export interface CreatorProfile extends Creator {
  counts?: { clips?: number; followers?: number; following?: number; likes?: number };
  viewer?: { following: boolean };
}

export interface UploadStatus {
  id: string;
  state: "receiving" | "stored" | "rejected" | "expired";
  offset: number;
  length: number;
  expires_at: string;
  clip_id: string;
  rejection?: { code: string; message: string } | null;
}

export interface FieldProblem {
  field: string;
  code: string;
  detail: string;
  /** Where a text of lines was refused. */
  line?: number;
}

/** RFC 9457 with the contract's additions. */
export interface Problem {
  title: string;
  status: number;
  code: string;
  detail?: string;
  request_id?: string;
  errors?: FieldProblem[];
}
