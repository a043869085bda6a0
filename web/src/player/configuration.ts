import type { HlsConfig, LoaderConfig } from "hls.js";

/** A clip waiting its turn loads one segment only. */
export const WAITING_BUFFER_S = 0.5;
export const PLAYING_BUFFER_S = 10;
const BUFFER_BYTES = 12e6;
/** Clips up to this length stay whole in memory and replay without the network. */
const KEPT_WHOLE_MS = 60_000;
const BACK_BUFFER_S = 10;

/** The default policy waits two minutes: a frozen stage. */
const SEGMENT_POLICY: LoaderConfig = {
  maxTimeToFirstByteMs: 4_000,
  maxLoadTimeMs: 15_000,
  timeoutRetry: { maxNumRetry: 2, retryDelayMs: 0, maxRetryDelayMs: 0 },
  errorRetry: { maxNumRetry: 3, retryDelayMs: 500, maxRetryDelayMs: 4_000 },
};

/** Our differences from the hls.js defaults, for one clip. */
export function hlsConfig(durationMs: number, estimateBps: number): Partial<HlsConfig> {
  return {
    autoStartLoad: false,
    testBandwidth: false,
    abrEwmaDefaultEstimate: estimateBps,
    capLevelToPlayerSize: true,
    maxDevicePixelRatio: 2,
    maxBufferLength: PLAYING_BUFFER_S,
    maxMaxBufferLength: WAITING_BUFFER_S,
    maxBufferSize: BUFFER_BYTES,
    backBufferLength: durationMs <= KEPT_WHOLE_MS ? Infinity : BACK_BUFFER_S,
    loopBackBufferFlush: false,
    enableWorker: false,
    fragLoadPolicy: { default: SEGMENT_POLICY },
    errorPenaltyExpireMs: 10_000,
  };
}
