// @ts-check
// The keyboard. Single keys work unless somebody types; Escape ends things with care.

import { byId } from '../../shared/dom.js';
import { singleKeys } from '../memory.js';

/** A key meant for the screen before must not answer a call that just came. */
const GUARD_MS = 700;
/** The second Escape that hangs up comes within this time. */
const AGAIN_MS = 3_000;

/**
 * @param {import('../phone.js').Phone} phone
 * @param {{ settings: { open: () => void }, transfer: { open: () => void },
 *   keypad: { toggle: () => void, close: () => boolean } }} sheets
 */
export function shortcuts(phone, sheets) {
  let screen = '';
  let since = 0;
  let escapedAt = 0;
  phone.addEventListener('change', () => {
    if (phone.screen === screen) return;
    screen = phone.screen;
    since = performance.now();
    escapedAt = 0;
  });

  document.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    // A modal sheet closes by Escape itself.
    if (document.querySelector('dialog:modal')) return;
    if (event.key === 'Escape') onEscape(event);
    else if (event.key === 'Enter') onEnter(event);
    else if (!isTyping(event.target)) onLetter(event);
  });

  /** @param {KeyboardEvent} event */
  function onEscape(event) {
    if (sheets.keypad.close()) return event.preventDefault();
    switch (phone.screen) {
      case 'calling':
      case 'ringing':
      case 'incoming':
        if (performance.now() - since > GUARD_MS) phone.call?.hangup();
        return undefined;
      case 'in-call':
      case 'held':
        // Leaving full screen is what the key is for there.
        if (document.fullscreenElement) return undefined;
        if (performance.now() - escapedAt < AGAIN_MS) {
          phone.call?.hangup();
        } else {
          escapedAt = performance.now();
          phone.say('Press Escape again to hang up.');
        }
        return undefined;
      case 'ended':
        return phone.dismiss();
      default:
        return undefined;
    }
  }

  /** @param {KeyboardEvent} event */
  function onEnter(event) {
    if (event.target instanceof HTMLElement && event.target.closest('button, input, select, a')) return;
    if (performance.now() - since < GUARD_MS) return;
    if (phone.screen === 'incoming') void phone.call?.answer({ camera: true });
    else if (phone.screen === 'ended') phone.dismiss();
  }

  /** @param {KeyboardEvent} event */
  function onLetter(event) {
    const { call } = phone;
    if (!call?.answeredAt || !singleKeys()) return;
    /** @type {Record<string, () => void>} */
    const keys = {
      m: () => byId('mute').click(),
      v: () => byId('camera').click(),
      h: () => byId('hold').click(),
      k: () => sheets.keypad.toggle(),
      t: () => sheets.transfer.open(),
      s: () => sheets.settings.open(),
      f: () => byId('fullscreen').click(),
    };
    const act = keys[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    act();
  }
}

/** @param {EventTarget | null} target */
function isTyping(target) {
  return target instanceof HTMLInputElement || target instanceof HTMLSelectElement || target instanceof HTMLTextAreaElement;
}
