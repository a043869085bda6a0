/** What must be known of a rung to choose where playback starts. */
export interface Rung {
  bandwidth: number;
  /** Size of the first segment; `null` when only the playlist is known. */
  firstBytes: number | null;
}

/** First segments last this long in our ladder. */
const FIRST_SEGMENT_S = 1;

interface Rule {
  firstSegmentS: number;
  share: number;
}

/** Fetched ahead, a clip may take its time; cold, a viewer is waiting for the frame. */
const AHEAD: Rule = { firstSegmentS: 1, share: 0.6 };
const COLD: Rule = { firstSegmentS: 0.3, share: 0.7 };

/** Seconds the first segment of `rung` needs at `bps`. */
export function firstSegmentS(rung: Rung, bps: number): number {
  const bits = rung.firstBytes === null ? rung.bandwidth * FIRST_SEGMENT_S : rung.firstBytes * 8;
  return bits / Math.max(1, bps);
}

/** Index of the rung to start with: the highest that the link carries by the rule, else the lowest. */
export function chooseStartLevel(rungs: readonly Rung[], bps: number, isCold: boolean): number {
  const rule = isCold ? COLD : AHEAD;
  let chosen = lowest(rungs);
  rungs.forEach((rung, index) => {
    const fits = firstSegmentS(rung, bps) <= rule.firstSegmentS && rung.bandwidth <= rule.share * bps;
    if (fits && rung.bandwidth > (rungs[chosen]?.bandwidth ?? 0)) chosen = index;
  });
  return chosen;
}

function lowest(rungs: readonly Rung[]): number {
  let index = 0;
  rungs.forEach((rung, at) => {
    if (rung.bandwidth < (rungs[index]?.bandwidth ?? Infinity)) index = at;
  });
  return index;
}

/** Seconds the current clip must be ahead before the next one may use the link. */
export function guardS(rung: Rung, bps: number): number {
  return Math.max(1.5, 1.5 * firstSegmentS(rung, bps));
}
