import { expect, it, vi } from "vitest";

vi.mock("../player/preferences.svelte", () => ({ preferences: { captionsLanguage: null } }));
const { pick } = await import("./captions.svelte");

const tracks = ["de", "en-GB", "en-US", "pt-BR"].map((language) => ({ language }));

it("takes the language asked for, then a kin of it, then the first", () => {
  expect(pick(tracks, ["en-us"])?.language).toBe("en-US");
  expect(pick(tracks, ["en"])?.language).toBe("en-GB");
  expect(pick(tracks, ["pt-PT", "de"])?.language).toBe("pt-BR");
  expect(pick(tracks, ["fr", "de"])?.language).toBe("de");
  expect(pick(tracks, ["fr"])?.language).toBe("de");
  expect(pick([], ["fr"])).toBeNull();
});
