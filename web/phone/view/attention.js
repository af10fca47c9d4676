// @ts-check
// What makes a person look: ring, ringback, title and icon of the window.

import { byId } from '../../shared/dom.js';
import { endTone, hush, ring, ringback, wakeSound } from '../tones.js';
import { staysAwake } from './awake.js';

const FLASH_MS = 1_000;
const NAME = 'Callbox';

/** @param {import('../phone.js').Phone} phone */
export function attention(phone) {
  const favicon = byId('favicon', HTMLLinkElement);
  let sounding = '';
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let flashing;
  let hadCall = false;
  const awake = staysAwake();

  for (const type of ['pointerdown', 'keydown']) addEventListener(type, wakeSound, { capture: true });

  /** @param {string} text */
  function flash(text) {
    if (flashing) return;
    const turn = () => {
      document.title = document.title === text ? NAME : text;
    };
    turn();
    flashing = setInterval(turn, FLASH_MS);
    favicon.href = '/phone/favicon-ringing.svg';
  }

  function calm() {
    if (!flashing) return;
    clearInterval(flashing);
    flashing = undefined;
    favicon.href = '/phone/favicon.svg';
  }

  /** @param {string} wanted */
  function sound(wanted) {
    if (wanted === sounding) return;
    sounding = wanted;
    if (wanted === 'ring') ring();
    else if (wanted === 'ringback') ringback();
    else hush();
  }

  return {
    render() {
      const { call, screen, waiting } = phone;
      const name = call?.person.displayName ?? '';
      const rings = call?.phase === 'incoming';
      sound(rings ? 'ring' : call?.phase === 'ringing' && !call.early ? 'ringback' : '');
      if (rings) {
        flash(`${name} is calling`);
      } else if (waiting) {
        flash(`${waiting.person.displayName} is calling`);
      } else {
        calm();
        document.title = call ? `${name} · ${NAME}` : NAME;
      }
      const talks = Boolean(call?.answeredAt);
      awake.want(talks);
      if (hadCall && !talks) endTone();
      hadCall = talks;
    },
  };
}
