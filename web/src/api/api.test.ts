import { describe, expect, it } from "vitest";
import { reachable } from "./address";
import { problemFrom } from "./request";

describe("addresses", () => {
  it("move between names of this machine only", () => {
    expect(reachable("http://127.0.0.1:8080/media/a?b=1", "http://localhost:8080/x")).toBe("http://localhost:8080/media/a?b=1");
    expect(reachable("http://127.0.0.1:9000/media/a", "http://localhost:8080/")).toBe("http://127.0.0.1:9000/media/a");
    expect(reachable("https://cdn.example/media/a", "https://estrade.example/")).toBe("https://cdn.example/media/a");
    expect(reachable("/media/a", "https://estrade.example/c/1")).toBe("https://estrade.example/media/a");
  });
});

describe("problems", () => {
  it("carry code, sentence, fields, request and patience", () => {
    const body = JSON.stringify({ title: "Invalid", status: 422, code: "invalid_fields", detail: "Look again.", request_id: "r1", errors: [{ field: "handle", code: "taken", detail: "Taken." }] });
    const error = problemFrom(422, body, null, "7");
    expect(error).toMatchObject({ status: 422, code: "invalid_fields", message: "Look again.", requestId: "r1", retryAfterMs: 7_000 });
    expect(error.field("handle")).toBe("Taken.");
    expect(error.field("password")).toBeUndefined();
  });

  it("make do with a page of a proxy", () => {
    const error = problemFrom(502, "<html>Bad gateway</html>", "r2", null);
    expect(error).toMatchObject({ status: 502, code: "http_502", requestId: "r2", retryAfterMs: null });
  });
});
