/** A pause this long ends a gesture. */
const GESTURE_GAP_MS = 200;
/** A first step this large comes from a wheel with notches; touchpads begin softly. */
const NOTCH_PX = 60;
/** Free-spinning wheels send dozens of notches: this many milliseconds lie between two clips at least. */
const STEP_GAP_MS = 250;
const LINE_PX = 40;

export type WheelAnswer = "native" | "swallow" | "next" | "previous";

/**
 * Tells notched wheels from touchpads. A touchpad scrolls natively and snaps; one notch of a wheel is too little to
 * reach the next snap point in some browsers, so it moves one clip by itself.
 */
export class WheelReader {
  private lastAt = -Infinity;
  private lastStepAt = -Infinity;
  private isNotched = false;

  read(deltaY: number, isByLine: boolean, now: number): WheelAnswer {
    const px = isByLine ? deltaY * LINE_PX : deltaY;
    if (now - this.lastAt > GESTURE_GAP_MS) this.isNotched = isByLine || Math.abs(px) >= NOTCH_PX;
    this.lastAt = now;
    if (!this.isNotched) return "native";
    if (now - this.lastStepAt < STEP_GAP_MS || px === 0) return "swallow";
    this.lastStepAt = now;
    return px > 0 ? "next" : "previous";
  }
}

/** Whether something between `target` and `outer` wants to scroll by itself. */
export function scrollsInside(target: EventTarget | null, outer: Element): boolean {
  for (let node = target instanceof Element ? target : null; node && node !== outer; node = node.parentElement) {
    const isScrollable = node.scrollHeight > node.clientHeight && /auto|scroll/.test(getComputedStyle(node).overflowY);
    if (isScrollable) return true;
  }
  return false;
}
