import { readSetting, writeSetting } from "../storage";

const prefersLess = (): boolean => matchMedia("(prefers-reduced-motion: reduce)").matches;

function savesData(): boolean {
  const { connection } = navigator as Navigator & { connection?: { saveData?: boolean } };
  return connection?.saveData === true;
}

/** How this viewer wants to watch; kept in the browser. */
class Preferences {
  /** `null` until the viewer has chosen once: then the tap-for-sound hint goes away. */
  sound = $state<"on" | "off" | null>(readChoice());
  volume = $state(readVolume());
  rate = $state(1);
  /** Clips play on their own; off by default where the system asks for calm or little data. */
  autoplay = $state(readSetting("autoplay") === null ? !this.isCalm() : readSetting("autoplay") === "on");
  /** Single-key shortcuts. */
  keys = $state(readSetting("keys") !== "off");
  captions = $state(readSetting("captions") === "on");
  /** The language of captions chosen last. */
  captionsLanguage = $state(readSetting("captions-language"));

  isCalm(): boolean {
    return prefersLess() || savesData();
  }

  setSound(choice: "on" | "off"): void {
    this.sound = choice;
    writeSetting("sound", choice);
  }

  setVolume(volume: number): void {
    this.volume = volume;
    writeSetting("volume", String(volume));
  }

  setAutoplay(on: boolean): void {
    this.autoplay = on;
    writeSetting("autoplay", on ? "on" : "off");
  }

  setCaptions(on: boolean): void {
    this.captions = on;
    writeSetting("captions", on ? "on" : null);
  }

  setCaptionsLanguage(language: string): void {
    this.captionsLanguage = language;
    writeSetting("captions-language", language);
    this.setCaptions(true);
  }

  setKeys(on: boolean): void {
    this.keys = on;
    writeSetting("keys", on ? null : "off");
  }
}

function readChoice(): "on" | "off" | null {
  const choice = readSetting("sound");
  return choice === "on" || choice === "off" ? choice : null;
}

function readVolume(): number {
  const volume = Number(readSetting("volume") ?? 1);
  return volume >= 0 && volume <= 1 ? volume : 1;
}

export const preferences = new Preferences();
