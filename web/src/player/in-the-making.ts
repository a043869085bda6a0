import type { HlsConfig } from "hls.js";
import type { HlsClass } from "./load-hls";

type StreamController = HlsConfig["streamController"];

/**
 * The part of hls.js that loads pictures, without its habit of live programmes. A playlist that still grows is a clip in
 * the making: where it ends for now is a place to wait at. hls.js would take a viewer who reached it, some milliseconds
 * beyond the last picture because sound is cut elsewhere, for one who fell out of the programme, and send them back.
 */
export function patientController(HlsImpl: HlsClass): StreamController {
  const Original = HlsImpl.DefaultConfig.streamController as unknown as new (...parts: unknown[]) => object;
  class Patient extends Original {
    synchronizeToLiveEdge(): void {
      // Wherever playback stands is where it goes on.
    }
  }
  return Patient as unknown as StreamController;
}
