// @ts-check
// The ring around a person that swells with his voice, while there is no picture to see.

import { byId } from '../../shared/dom.js';

const LOOK_MS = 120;
const SWELL = 0.32;

export function voiceRing() {
  const stage = byId('stage');
  const still = matchMedia('(prefers-reduced-motion: reduce)');
  /** @type {import('../call.js').Call | null} */
  let watched = null;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let timer;

  function look() {
    const loud = watched && !watched.peer.closed && !still.matches ? Math.sqrt(watched.peer.voice) : 0;
    stage.style.setProperty('--voice', (1 + SWELL * Math.min(1, loud)).toFixed(3));
  }

  return {
    /** @param {import('../call.js').Call | null} call */
    watch(call) {
      if (call === watched) return;
      watched = call;
      clearInterval(timer);
      timer = call ? setInterval(look, LOOK_MS) : undefined;
      look();
    },
  };
}
