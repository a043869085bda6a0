import type Hls from "hls.js";
import type { ErrorData, Level } from "hls.js";
import type { StartRung } from "../api/wire";
import { hlsConfig, PLAYING_BUFFER_S } from "./configuration";
import { bandwidthEstimate, noteBandwidth } from "./estimate";
import { patientController } from "./in-the-making";
import type { HlsClass } from "./load-hls";
import { chooseStartLevel, type Rung } from "./start-level";

export interface Source {
  hlsUrl: string;
  durationMs: number;
  start: readonly StartRung[];
}

export interface EngineHooks {
  /** More is buffered, or everything is. */
  buffered(): void;
  /** The rung shown now, by its short edge in pixels, as the ladder names rungs. */
  height(px: number): void;
  /** Playback cannot go on; `code` is for the report and the message. */
  failed(code: string): void;
}

/** One clip on one video element, from the first segment to the last. Destroyed before the element is used again. */
export class Engine {
  /** Given up: only `retry` or a new engine helps. */
  hasFailed = false;
  /** Short edge of the rung shown; 0 before the first frame and where the browser plays HLS by itself. */
  shownHeight = 0;
  private hls: Hls | null = null;
  private isResting = false;
  private mediaRecovered = false;
  private rebuilt = false;

  constructor(
    readonly video: HTMLVideoElement,
    private readonly source: Source,
    private readonly HlsImpl: HlsClass | null,
    private readonly isCold: boolean,
    private readonly hooks: EngineHooks,
    private resumeAtS = 0,
  ) {
    this.build();
  }

  /** Loads as far ahead as a playing clip should; while waiting, only the first segment is fetched. */
  play(): void {
    if (!this.hls) return;
    this.hls.config.maxMaxBufferLength = PLAYING_BUFFER_S;
    // Only after a rest: starting again would throw away a segment that is on its way.
    if (this.isResting && this.hls.levels.length > 0) this.hls.startLoad();
    this.isResting = false;
  }

  /** Not `pauseBuffering`: a segment in flight would hold up the next clip. */
  rest(): void {
    this.isResting = true;
    this.hls?.stopLoad();
  }

  /** Too little arrives: the next segment comes from the rung below. */
  dropRung(): void {
    if (this.hls && this.hls.loadLevel > 0) this.hls.nextAutoLevel = this.hls.loadLevel - 1;
  }

  /** The rung playing, for the scheduler. */
  currentRung(): Rung {
    const level = this.hls?.levels[Math.max(0, this.hls.loadLevel)];
    return level ? this.rungOf(level) : { bandwidth: 1e6, firstBytes: null };
  }

  destroy(): void {
    this.hls?.destroy();
    this.hls = null;
    this.video.onerror = null;
    this.video.removeAttribute("src");
    this.video.load();
  }

  private build(): void {
    if (!this.HlsImpl) {
      this.video.onerror = () => this.fail(`media_${this.video.error?.code ?? 0}`);
      this.video.src = this.source.hlsUrl;
      return;
    }
    const hls = new this.HlsImpl({ ...hlsConfig(this.source.durationMs, bandwidthEstimate()), streamController: patientController(this.HlsImpl) });
    this.hls = hls;
    this.listen(hls, this.HlsImpl);
    hls.loadSource(this.source.hlsUrl);
    hls.attachMedia(this.video);
  }

  private listen(hls: Hls, { Events }: HlsClass): void {
    hls.on(Events.MANIFEST_PARSED, () => this.start(hls));
    hls.on(Events.FRAG_BUFFERED, () => {
      noteBandwidth(hls.bandwidthEstimate);
      this.hooks.buffered();
    });
    hls.on(Events.BUFFERED_TO_END, () => this.hooks.buffered());
    hls.on(Events.LEVEL_SWITCHED, (_, { level }) => this.show(shortEdge(hls.levels[level])));
    hls.on(Events.ERROR, (_, data) => this.onError(data));
  }

  private start(hls: Hls): void {
    const rungs = hls.levels.map((level) => this.rungOf(level));
    hls.startLevel = chooseStartLevel(rungs, bandwidthEstimate(), this.isCold);
    if (!this.isResting) hls.startLoad(this.resumeAtS);
  }

  private rungOf(level: Level): Rung {
    const known = this.source.start.find((rung) => rung.height === level.height || rung.height === shortEdge(level));
    return { bandwidth: level.bitrate, firstBytes: known?.first_bytes ?? null };
  }

  private onError(data: ErrorData): void {
    if (!data.fatal) return;
    const isMedia = data.type === "mediaError";
    if (isMedia && !this.mediaRecovered) {
      this.mediaRecovered = true;
      this.hls?.recoverMediaError();
    } else if (isMedia && !this.rebuilt) {
      this.rebuilt = true;
      this.rebuild();
      this.play();
    } else {
      this.fail(data.response?.code ? `${data.details}_${data.response.code}` : data.details);
    }
  }

  private show(height: number): void {
    this.shownHeight = height;
    this.hooks.height(height);
  }

  private fail(code: string): void {
    this.hasFailed = true;
    this.hooks.failed(code);
  }

  private rebuild(): void {
    this.resumeAtS = this.video.currentTime;
    this.hls?.destroy();
    this.hls = null;
    this.build();
  }
}

const shortEdge = (level: Level | undefined): number => (level ? Math.min(level.width, level.height) : 0);
