import { readSetting, writeSetting } from "../storage";

/** A first visit is assumed to have this much. */
const FIRST_VISIT_BPS = 1.5e6;
const EXPIRES_MS = 24 * 3600_000;
const SETTING = "bandwidth";

/** Reads a stored estimate; yesterday's link says nothing about today's. */
export function parseEstimate(text: string | null, now: number): number {
  const [bps, at] = (text ?? "").split("@").map(Number);
  const isUsable = bps !== undefined && at !== undefined && bps > 0 && Number.isFinite(bps) && now - at < EXPIRES_MS;
  return isUsable ? bps : FIRST_VISIT_BPS;
}

let current: number | null = null;

/** Bits a second the link is believed to carry, shared by all players. */
export function bandwidthEstimate(): number {
  current ??= parseEstimate(readSetting(SETTING), Date.now());
  return current;
}

export function noteBandwidth(bps: number): void {
  if (!Number.isFinite(bps) || bps <= 0) return;
  current = bps;
  writeSetting(SETTING, `${Math.round(bps)}@${Date.now()}`);
}
