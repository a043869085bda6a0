/** Where the picture stands on the stage, in CSS pixels. */
export interface PictureBox {
  mode: "apron" | "scrim" | "wide";
  /** From the stage's inline start. */
  left: number;
  top: number;
  width: number;
  height: number;
  fit: "cover" | "contain";
  /** Width of the programme beside the picture; 0 where there is none. */
  programme: number;
}

/** From this stage width on the programme stands beside the picture. */
const WIDE_FROM = 860;
const PROGRAMME_WIDTH = 400;
/** A phone on its side has no height for an apron: a narrow programme stands beside the picture there too. */
const SIDEWAYS = { widthFrom: 560, heightTo: 520, programme: 300 } as const;
export const APRON_HEIGHT = 151;
const APRON_LEAST = 144;
/** Room beside the picture for the previous and next buttons and the margins. */
const WIDE_MARGIN_X = 2 * 68;
const WIDE_MARGIN_Y = 32;
const LANDSCAPE_WIDEST = 880;
/** More than this cut away and the whole picture is shown instead. */
const CROP_MOST = 0.12;
const PORTRAIT = 9 / 16;
/** From this width on a narrower picture with its apron beats one that fills the screen. */
const TABLET_FROM = 600;

/** The box for a clip of the given aspect (width ÷ height) on a stage of the given size. */
export function pictureBox(stageWidth: number, stageHeight: number, aspect: number): PictureBox {
  if (stageWidth >= SIDEWAYS.widthFrom && stageHeight <= SIDEWAYS.heightTo) return wideBox(stageWidth, stageHeight, aspect, SIDEWAYS.programme);
  if (stageWidth >= WIDE_FROM) return wideBox(stageWidth, stageHeight, aspect, PROGRAMME_WIDTH);
  const tall = Math.min(stageWidth / PORTRAIT, stageHeight - APRON_LEAST);
  const fillsWidth = tall >= stageWidth / PORTRAIT;
  if (!fillsWidth && stageWidth < TABLET_FROM) return place("scrim", stageWidth, stageHeight, stageWidth, 0, aspect);
  return place("apron", fillsWidth ? stageWidth : tall * PORTRAIT, tall, stageWidth, 0, aspect);
}

function wideBox(stageWidth: number, stageHeight: number, aspect: number, programme: number): PictureBox {
  const column = stageWidth - programme;
  const room = column - WIDE_MARGIN_X;
  const tallest = stageHeight - WIDE_MARGIN_Y;
  const shape = aspect <= 1 ? PORTRAIT : aspect;
  const width = Math.min(room, tallest * shape, aspect <= 1 ? Infinity : LANDSCAPE_WIDEST);
  const height = width / shape;
  return { ...place("wide", width, height, column, (stageHeight - height) / 2, aspect), programme };
}

function place(mode: PictureBox["mode"], width: number, height: number, within: number, top: number, aspect: number): PictureBox {
  return {
    mode,
    left: Math.round((within - width) / 2),
    top: Math.round(top),
    width: Math.round(width),
    height: Math.round(height),
    fit: fitFor(width / height, aspect),
    programme: 0,
  };
}

/** Fill the box where little is lost, else show everything. */
export function fitFor(boxAspect: number, aspect: number): "cover" | "contain" {
  const kept = Math.min(boxAspect / aspect, aspect / boxAspect);
  return 1 - kept <= CROP_MOST ? "cover" : "contain";
}
