import * as tus from "tus-js-client";
import { reachable } from "../api/address";
import { getClip, getUpload, retryClip, updateClip, type ClipChanges } from "../api/clips";
import { asApiError, problemFrom, type ApiError } from "../api/request";
import type { ClipProgress, Visibility } from "../api/wire";
import { followClip } from "./follow-clip";
import { RateMeter } from "./rate";
import { forgetUpload, rememberUpload, type FileHandle, type Unfinished } from "./unfinished";

const ENDPOINT = "/v1/uploads";
const RETRY_DELAYS_MS = [0, 1_000, 3_000, 5_000, 10_000, 20_000];
/** How often the server is asked what it holds for certain. */
const DURABLE_MS = 1_000;

export type Phase = "uploading" | "paused" | "offline" | "interrupted" | "processing" | "ready" | "failed";

export interface Details {
  caption: string;
  hashtags: string[];
  language: string;
  visibility: Visibility;
  /** Whether people may take the clip with them as a file. */
  allow_download: boolean;
}

/** One file on its way to being a clip. It lives outside the page, so visiting another page does not stop it. */
export class Transfer {
  phase = $state<Phase>("uploading");
  /** What the server has on disk. */
  durableBytes = $state(0);
  sentBytes = $state(0);
  bytesPerSecond = $state<number | null>(null);
  secondsLeft = $state<number | null>(null);
  error = $state.raw<ApiError | null>(null);
  clipId = $state<string | null>(null);
  progress = $state.raw<ClipProgress | null>(null);
  /** The server's still, once it has made one. */
  posterUrl = $state<string | null>(null);
  readonly totalBytes: number;
  private readonly upload: tus.Upload;
  private readonly meter = new RateMeter();
  private asking: ReturnType<typeof setInterval> | undefined;
  private stopFollowing: (() => void) | null = null;
  private pending: ClipChanges | null = null;

  constructor(
    readonly file: File,
    details: Details,
    private readonly handle: FileHandle | undefined,
    resume?: Unfinished,
  ) {
    this.totalBytes = file.size;
    this.clipId = resume?.clipId ?? null;
    this.upload = new tus.Upload(file, {
      endpoint: new URL(ENDPOINT, location.origin).href,
      uploadUrl: resume ? reachable(resume.uploadUrl, location.href) : null,
      metadata: metadataOf(file, details),
      retryDelays: RETRY_DELAYS_MS,
      storeFingerprintForResuming: false,
      onShouldRetry: (error) => !isFinalAnswer(error),
      onUploadUrlAvailable: () => this.onAddress(),
      onAfterResponse: (_, response) => this.onAnswer(response),
      onProgress: (sent) => (this.sentBytes = sent),
      onSuccess: () => this.onStored(),
      onError: (error) => this.onError(error),
    });
    addEventListener("online", this.onOnline);
    addEventListener("offline", this.onOffline);
  }

  get hasBytesLeft(): boolean {
    return ["uploading", "paused", "offline", "interrupted"].includes(this.phase);
  }

  start(): void {
    this.phase = "uploading";
    this.error = null;
    this.meter.reset();
    this.upload.start();
    clearInterval(this.asking);
    this.asking = setInterval(() => void this.askDurable(), DURABLE_MS);
  }

  async pause(): Promise<void> {
    this.phase = "paused";
    await this.halt();
  }

  /** Gives the upload up, here and on the server. */
  async discard(): Promise<void> {
    this.end();
    await this.upload.abort(true);
    if (this.upload.url) await forgetUpload(this.upload.url);
  }

  /** Saves the creator's words; before the clip exists they wait. */
  async save(changes: ClipChanges): Promise<void> {
    if (this.clipId) await updateClip(this.clipId, changes);
    else this.pending = { ...this.pending, ...changes };
  }

  async retryProcessing(): Promise<void> {
    if (!this.clipId) return;
    await retryClip(this.clipId);
    this.progress = null;
    this.follow();
  }

  private readonly onOnline = (): void => {
    if (this.phase === "offline") this.start();
  };

  private readonly onOffline = (): void => {
    if (this.phase !== "uploading") return;
    this.phase = "offline";
    void this.halt();
  };

  private async halt(): Promise<void> {
    clearInterval(this.asking);
    this.bytesPerSecond = null;
    this.secondsLeft = null;
    await this.upload.abort();
  }

  private end(): void {
    clearInterval(this.asking);
    this.stopFollowing?.();
    removeEventListener("online", this.onOnline);
    removeEventListener("offline", this.onOffline);
  }

  private onAddress(): void {
    if (!this.upload.url) return;
    this.upload.url = reachable(this.upload.url, location.href);
    this.remember();
  }

  private onAnswer(response: tus.HttpResponse): void {
    const clipId = response.getHeader("Estrade-Clip");
    if (clipId && clipId !== this.clipId) {
      this.clipId = clipId;
      this.remember();
      void this.sendPending();
    }
    const offset = Number(response.getHeader("Upload-Offset") ?? NaN);
    if (Number.isFinite(offset)) this.noteDurable(offset);
  }

  private async sendPending(): Promise<void> {
    const changes = this.pending;
    this.pending = null;
    if (changes && this.clipId) await updateClip(this.clipId, changes).catch((cause: unknown) => (this.error = asApiError(cause)));
  }

  /** Without storage the upload still works; it only cannot go on after a reload. */
  private remember(): void {
    if (!this.upload.url || !this.clipId) return;
    const { name, size, lastModified } = this.file;
    const record: Unfinished = { uploadUrl: this.upload.url, clipId: this.clipId, name, size, lastModified, ...(this.handle ? { handle: this.handle } : {}) };
    rememberUpload(record).catch(() => {});
  }

  private async askDurable(): Promise<void> {
    if (!this.upload.url || this.phase !== "uploading") return;
    const status = await getUpload(this.upload.url).catch(() => null);
    if (status && this.phase === "uploading") this.noteDurable(status.offset);
  }

  private noteDurable(bytes: number): void {
    this.durableBytes = bytes;
    this.sentBytes = Math.max(this.sentBytes, bytes);
    this.meter.note(bytes, performance.now());
    this.bytesPerSecond = this.meter.bytesPerSecond();
    this.secondsLeft = this.meter.secondsLeft(this.totalBytes);
  }

  private onStored(): void {
    clearInterval(this.asking);
    this.durableBytes = this.totalBytes;
    if (this.upload.url) forgetUpload(this.upload.url).catch(() => {});
    this.follow();
  }

  private follow(): void {
    if (!this.clipId) return;
    this.phase = "processing";
    this.stopFollowing?.();
    this.stopFollowing = followClip(
      this.clipId,
      (progress) => this.onProcessing(progress),
      (error) => this.giveUp(error),
    );
  }

  private onProcessing(progress: ClipProgress): void {
    this.progress = progress;
    if (progress.state === "ready") this.onReady();
    if (progress.state === "failed") this.phase = "failed";
  }

  private onReady(): void {
    if (this.phase === "ready" || !this.clipId) return;
    this.phase = "ready";
    getClip(this.clipId).then((clip) => (this.posterUrl = clip.poster_url ?? null), () => {});
  }

  private onError(error: Error | tus.DetailedError): void {
    clearInterval(this.asking);
    if (this.phase === "paused" || this.phase === "offline") return;
    if (!navigator.onLine) {
      this.phase = "offline";
      return;
    }
    const problem = problemOf(error);
    if (isFinalAnswer(error)) this.giveUp(problem);
    else {
      this.error = problem;
      this.phase = "interrupted";
    }
  }

  private giveUp(error: ApiError): void {
    this.error = error;
    this.phase = "failed";
    if (this.upload.url) forgetUpload(this.upload.url).catch(() => {});
    // The clip may know more than the answer said.
    if (this.clipId) getClip(this.clipId).then((clip) => clip.failure && (this.progress = clip), () => {});
  }
}

function metadataOf(file: File, details: Details): Record<string, string> {
  const metadata = {
    filename: file.name,
    filetype: file.type || "application/octet-stream",
    caption: details.caption,
    hashtags: details.hashtags.join(","),
    language: details.language,
    visibility: details.visibility,
    allow_download: String(details.allow_download),
  };
  return Object.fromEntries(Object.entries(metadata).filter(([, value]) => value !== ""));
}

const answerOf = (error: Error): tus.HttpResponse | null => ("originalResponse" in error ? ((error as tus.DetailedError).originalResponse ?? null) : null);

/** An answer that trying again will not change. 409 and 423 are another request still holding the upload. */
function isFinalAnswer(error: Error): boolean {
  const status = answerOf(error)?.getStatus() ?? 0;
  return status >= 400 && status < 500 && ![408, 409, 423, 425, 429].includes(status);
}

function problemOf(error: Error): ApiError {
  const response = answerOf(error);
  if (!response) return asApiError(new Error("The connection broke. What is stored stays stored."));
  return problemFrom(response.getStatus(), response.getBody(), response.getHeader("Estrade-Request-Id") ?? null, response.getHeader("Retry-After") ?? null);
}

class Transfers {
  list = $state.raw<Transfer[]>([]);

  constructor() {
    addEventListener("beforeunload", (event) => {
      if (this.list.some((transfer) => transfer.hasBytesLeft)) event.preventDefault();
    });
  }

  add(transfer: Transfer): void {
    this.list = [transfer, ...this.list];
    transfer.start();
  }

  remove(transfer: Transfer): void {
    this.list = this.list.filter((other) => other !== transfer);
  }
}

export const transfers = new Transfers();
