import type { Clip } from "../api/wire";
import { percent } from "../ui/format";

export type Tone = "ok" | "info" | "warn" | "danger" | "muted";

/** What a creator reads about a clip's state. Processing and publication are two things; the more urgent one is named. */
export function stateOf(clip: Pick<Clip, "state" | "progress" | "complete" | "visibility" | "failure" | "published_at">): { text: string; tone: Tone } {
  switch (clip.state) {
    case "draft":
      return { text: "Waiting for its file", tone: "warn" };
    case "processing":
      return { text: `Getting ready, ${percent(clip.progress)}`, tone: "info" };
    case "failed":
      return { text: "Failed", tone: "danger" };
    case "ready":
      if (isUnpublished(clip)) return { text: "Not published", tone: "warn" };
      return { text: VISIBILITY_NAMES[clip.visibility], tone: clip.visibility === "public" ? "ok" : "muted" };
  }
}

export const VISIBILITY_NAMES = { public: "Public", unlisted: "Unlisted", followers: "Followers only", private: "Private" } as const;

/** Nobody but its creator sees it, whatever its visibility, until it is published. */
export const isUnpublished = (clip: Pick<Clip, "state" | "published_at">): boolean => clip.state === "ready" && !clip.published_at;

/** Whether the server is still working on it. */
export const isMoving = (clip: Pick<Clip, "state" | "complete">): boolean => clip.state === "processing" || (clip.state === "ready" && !clip.complete);
