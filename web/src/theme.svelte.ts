import { readSetting, writeSetting } from "./storage";

export type ThemeChoice = "system" | "light" | "dark";

const systemLight = matchMedia("(prefers-color-scheme: light)");

/** Which colours the pages other than Watch wear; Watch is always dark. */
class Theme {
  choice = $state<ThemeChoice>(readThemeChoice());
  private isStage = true;

  constructor() {
    systemLight.addEventListener("change", () => this.apply());
  }

  choose(choice: ThemeChoice): void {
    this.choice = choice;
    writeSetting("theme", choice === "system" ? null : choice);
    this.apply();
  }

  /** `isStage`: the watch page is showing. */
  show(isStage: boolean): void {
    this.isStage = isStage;
    this.apply();
  }

  private apply(): void {
    const light = this.choice === "light" || (this.choice === "system" && systemLight.matches);
    document.documentElement.dataset.theme = light && !this.isStage ? "light" : "dark";
    document.querySelector('meta[name="theme-color"]')?.setAttribute("content", light && !this.isStage ? "#fbf8f2" : "#14110f");
  }
}

function readThemeChoice(): ThemeChoice {
  const choice = readSetting("theme");
  return choice === "light" || choice === "dark" ? choice : "system";
}

export const theme = new Theme();
