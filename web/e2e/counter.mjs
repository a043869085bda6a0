// Pictures that bear their number: black and white columns along the top edge, the lowest bit on the left.

/** Columns of the number. */
export const COLUMNS = 9;

/** Runs in the page before its own code: notes every picture that any video shows, with its number and its size. */
export function notePictures(columns) {
  const pictures = [];
  const stalls = [];
  const canvas = new OffscreenCanvas(columns * 4, 64);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const numberOf = (video) => {
    context.drawImage(video, 0, 0, canvas.width, canvas.height);
    let number = 0;
    for (let bit = 0; bit < columns; bit += 1) {
      const [red] = context.getImageData(bit * 4 + 2, 4, 1, 1).data;
      if (red > 128) number += 2 ** bit;
    }
    return number;
  };
  const watched = new WeakSet();
  const watch = (video) => {
    if (watched.has(video)) return;
    watched.add(video);
    const note = (_, { mediaTime, width, height }) => {
      pictures.push({ mediaTime, width, height, number: numberOf(video) });
      video.requestVideoFrameCallback(note);
    };
    video.requestVideoFrameCallback(note);
    video.addEventListener("waiting", () => stalls.push(video.currentTime));
  };
  // Events of media do not bubble; they are caught on their way down.
  document.addEventListener("play", (event) => watch(event.target), true);
  Object.assign(globalThis, { pictures, stalls });
}

/** The pictures up to where the clip began anew, if it did. */
export function firstRound(pictures) {
  const end = pictures.findIndex(({ mediaTime }, at) => at > 0 && mediaTime < pictures[at - 1].mediaTime - 1);
  return end < 0 ? pictures : pictures.slice(0, end);
}

/**
 * What is wrong with the pictures of one round, or null: each must be the one of its time, give or take one that the
 * canvas may have missed, and no more than `skip` in a row may be left out by a busy machine.
 */
export function findFault(pictures, { rate, total, skip }) {
  let last = -1;
  for (const { mediaTime, number } of pictures) {
    const due = Math.round(mediaTime * rate);
    if (Math.abs(number - due) > 1) return `at ${mediaTime.toFixed(3)} s picture ${number} is shown, not ${due}`;
    if (due - last > skip) return `after picture ${last} comes ${due}`;
    last = due;
  }
  return total - 1 - last > skip ? `the last picture shown is ${last} of ${total}` : null;
}
