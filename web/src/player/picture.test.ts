import { describe, expect, it } from "vitest";
import { APRON_HEIGHT, fitFor, pictureBox } from "./picture";

const UPRIGHT = 9 / 16;

describe("picture box", () => {
  it("leaves the apron below an upright picture on a tall phone", () => {
    expect(pictureBox(390, 844, UPRIGHT)).toEqual({ mode: "apron", left: 0, top: 0, width: 390, height: 693, fit: "cover", programme: 0 });
    expect(844 - 693).toBe(APRON_HEIGHT);
  });

  it("fills a shorter phone and shows everything where too much would be cut", () => {
    expect(pictureBox(390, 740, UPRIGHT)).toMatchObject({ mode: "scrim", width: 390, height: 740, fit: "cover" });
    expect(pictureBox(390, 800, UPRIGHT)).toMatchObject({ mode: "scrim", fit: "contain" });
  });

  it("keeps the apron on a tablet by a narrower picture", () => {
    expect(pictureBox(768, 1024, UPRIGHT)).toMatchObject({ mode: "apron", height: 880, width: 495 });
  });

  it("stands beside the programme on a desk", () => {
    expect(pictureBox(1352, 900, UPRIGHT)).toEqual({ mode: "wide", left: 232, top: 16, width: 488, height: 868, fit: "cover", programme: 400 });
  });

  it("stands beside a narrow programme on a phone on its side", () => {
    expect(pictureBox(844, 390, UPRIGHT)).toMatchObject({ mode: "wide", height: 358, programme: 300 });
  });

  it("shows a landscape clip whole and at most 880 wide", () => {
    expect(pictureBox(1352, 900, 16 / 9)).toMatchObject({ width: 816, height: 459, fit: "cover" });
    expect(pictureBox(2400, 1300, 16 / 9)).toMatchObject({ width: 880 });
  });

  it("never needs more room than there is", () => {
    for (const [width, height] of [[320, 480], [568, 320], [640, 360], [860, 500], [1100, 700], [3840, 2160]] as const) {
      for (const aspect of [0.3, UPRIGHT, 1, 16 / 9, 3]) {
        const box = pictureBox(width, height, aspect);
        expect(box.left).toBeGreaterThanOrEqual(0);
        expect(box.left + box.width).toBeLessThanOrEqual(width);
        expect(box.top + box.height).toBeLessThanOrEqual(height);
      }
    }
  });
});

describe("fit", () => {
  it("cuts at most twelve hundredths", () => {
    expect(fitFor(0.5, 0.5625)).toBe("cover");
    expect(fitFor(0.49, 0.5625)).toBe("contain");
  });
});
