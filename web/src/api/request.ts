import type { FieldProblem, Problem } from "./wire";

/** A request that takes longer has failed: the server itself gives up at 15 s. */
const TIMEOUT_MS = 20_000;

/** Any way a call to the API can fail, in the words of its problem document. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly requestId: string | null = null,
    readonly fields: FieldProblem[] = [],
    readonly retryAfterMs: number | null = null,
  ) {
    super(message);
    this.name = "ApiError";
  }

  /** The sentence for one form field, if the server named it. */
  field(name: string): string | undefined {
    return this.fields.find((problem) => problem.field === name)?.detail;
  }
}

export interface RequestOptions {
  body?: unknown;
  /** Sent as it is, in place of a body in JSON. */
  raw?: { type: string; content: Blob };
  signal?: AbortSignal;
  keepalive?: boolean;
}

/** Calls the API with the browser's own cookie and returns the parsed body (`undefined` for 204). */
export async function request<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
  const response = await send(method, path, options);
  if (!response.ok) throw await readProblem(response);
  if (response.status === 204) return undefined as T;
  try {
    return (await response.json()) as T;
  } catch {
    throw new ApiError(response.status, "unreadable_answer", "The server's answer could not be read.", requestIdOf(response));
  }
}

async function send(method: string, path: string, options: RequestOptions): Promise<Response> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const headers: Record<string, string> = { Accept: "application/json" };
  if (options.body !== undefined) headers["Content-Type"] = "application/json";
  if (options.raw) headers["Content-Type"] = options.raw.type;
  try {
    return await fetch(path, {
      method,
      headers,
      credentials: "same-origin",
      keepalive: options.keepalive ?? false,
      body: options.raw?.content ?? (options.body === undefined ? null : JSON.stringify(options.body)),
      signal: options.signal ? AbortSignal.any([options.signal, timeout]) : timeout,
    });
  } catch (cause) {
    if (options.signal?.aborted) throw cause;
    throw unreachable(timeout.aborted);
  }
}

function unreachable(timedOut: boolean): ApiError {
  if (timedOut) return new ApiError(0, "timeout", "The server took too long to answer.");
  if (!navigator.onLine) return new ApiError(0, "offline", "You are offline.");
  return new ApiError(0, "unreachable", "The server could not be reached.");
}

async function readProblem(response: Response): Promise<ApiError> {
  const text = await response.text().catch(() => "");
  return problemFrom(response.status, text, requestIdOf(response), response.headers.get("retry-after"));
}

/** Builds the error for an answer whose body may or may not be a problem document. */
export function problemFrom(status: number, body: string, requestId: string | null, retryAfter: string | null): ApiError {
  const problem = parseProblem(body);
  const seconds = Number(retryAfter);
  const retryAfterMs = retryAfter && Number.isFinite(seconds) ? seconds * 1000 : null;
  return new ApiError(
    status,
    problem?.code ?? `http_${status}`,
    problem?.detail ?? problem?.title ?? `The server answered with ${status}.`,
    problem?.request_id ?? requestId,
    problem?.errors ?? [],
    retryAfterMs,
  );
}

function parseProblem(body: string): Problem | null {
  try {
    const value: unknown = JSON.parse(body);
    return value !== null && typeof value === "object" && "code" in value ? (value as Problem) : null;
  } catch {
    return null;
  }
}

function requestIdOf(response: Response): string | null {
  return response.headers.get("estrade-request-id");
}

/** Turns anything thrown into an `ApiError`, so that every page can show it the same way. */
export function asApiError(cause: unknown): ApiError {
  if (cause instanceof ApiError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  return new ApiError(0, "unexpected", message || "Something went wrong on this page.");
}
