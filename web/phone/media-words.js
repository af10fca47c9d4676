// @ts-check
// Why a microphone or camera cannot be used, and what to do about it.

/**
 * @typedef {{ what: 'microphone' | 'camera', why: 'denied' | 'missing' | 'busy' | 'insecure' | 'gone' | 'other',
 *   sentence: string }} Trouble
 */

const LOST = {
  microphone: 'The other side cannot hear you',
  camera: 'The other side cannot see you',
};

/**
 * Why something cannot be used at all.
 * @param {'microphone' | 'camera'} what
 * @param {unknown} error what `getUserMedia` rejected with, or the word `insecure` or `gone`
 * @returns {Trouble}
 */
export function troubleOf(what, error) {
  const why = error === 'insecure' || error === 'gone' ? error : reason(error);
  return { what, why, sentence: `${LOST[what]}: ${explain(what, why, error)}` };
}

/**
 * Why another one cannot be used, while the one before still is.
 * @param {'microphone' | 'camera'} what
 * @param {unknown} error
 * @returns {Trouble}
 */
export function changeTrouble(what, error) {
  const why = reason(error);
  return { what, why, sentence: `The ${what} of before stays in use: ${explain(what, why, error)}` };
}

/**
 * @param {unknown} error
 * @returns {Trouble['why']}
 */
function reason(error) {
  switch (error instanceof Error || error instanceof DOMException ? error.name : '') {
    case 'NotAllowedError':
    case 'SecurityError':
      return 'denied';
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'missing';
    case 'NotReadableError':
    case 'AbortError':
      return 'busy';
    default:
      return 'other';
  }
}

/**
 * @param {'microphone' | 'camera'} what
 * @param {Trouble['why']} why
 * @param {unknown} error
 */
function explain(what, why, error) {
  // Whether sound is sent is settled when a call begins; a camera may come later.
  const again = what === 'microphone' ? 'call again' : 'try again';
  switch (why) {
    case 'denied':
      return `the browser does not let this page use the ${what}. Allow it at the icon beside the address, then ${again}.`;
    case 'missing':
      return `no ${what} was found. Plug one in, then ${again}.`;
    case 'busy':
      return `the ${what} is in use by another window or program. Close that one, then ${again}.`;
    case 'gone':
      return `the ${what} was unplugged or taken away. Plug it in and try again, or choose another one in the settings.`;
    case 'insecure':
      return 'browsers give microphone and camera to encrypted pages only. Open this page by its encrypted address.';
    case 'other':
      return `the ${what} could not be started${error instanceof Error && error.message ? ` (${error.message})` : ''}. Choose another one in the settings.`;
  }
}
