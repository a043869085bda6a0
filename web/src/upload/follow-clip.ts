import { clipEventsUrl, getClip } from "../api/clips";
import { asApiError, type ApiError } from "../api/request";
import type { ClipProgress } from "../api/wire";

/** How often a clip is asked for where the stream of events does not work. */
const POLL_MS = 3_000;

/** No more will be told about a clip in this state. */
export const isFinal = (progress: Pick<ClipProgress, "state" | "complete">): boolean => progress.state === "failed" || (progress.state === "ready" && progress.complete);

/** Follows the transcoder's work on a clip until it is done. Returns how to stop. */
export function followClip(id: string, tell: (progress: ClipProgress) => void, fail: (error: ApiError) => void): () => void {
  let stopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const source = new EventSource(clipEventsUrl(id));

  function stop() {
    stopped = true;
    source.close();
    clearTimeout(timer);
  }

  function heard(progress: ClipProgress) {
    if (stopped) return;
    if (isFinal(progress)) stop();
    tell(progress);
  }

  async function poll() {
    if (stopped) return;
    try {
      heard(await getClip(id));
    } catch (cause) {
      const error = asApiError(cause);
      if (error.status === 404) {
        stop();
        fail(error);
      }
    }
    if (!stopped) timer = setTimeout(poll, POLL_MS);
  }

  source.addEventListener("clip", (event) => heard(JSON.parse(event.data as string) as ClipProgress));
  source.onerror = () => {
    // While connecting again the browser does the work itself; a refused stream it gives up.
    if (source.readyState === EventSource.CLOSED) void poll();
  };
  return stop;
}
