// @ts-check
// The keypad: digits for whoever answers by machine.

import { byId, make, setText } from '../../shared/dom.js';
import { keyTone } from '../tones.js';

const KEYS = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '0', '#'];
/** @type {Record<string, string>} */
const LETTERS = { 2: 'ABC', 3: 'DEF', 4: 'GHI', 5: 'JKL', 6: 'MNO', 7: 'PQRS', 8: 'TUV', 9: 'WXYZ' };
/** @type {Record<string, string>} */
const SPOKEN = { '*': 'star', '#': 'hash' };
const MAX_SHOWN = 24;

/** @param {import('../phone.js').Phone} phone */
export function keypad(phone) {
  const panel = byId('keypad', HTMLDialogElement);
  const opener = byId('keypad-open');
  let pressed = '';
  let of = '';

  byId('keypad-keys').append(...KEYS.map((key) => make('button', {
    class: 'key', type: 'button', 'aria-label': SPOKEN[key], data: { testid: `key-${SPOKEN[key] ?? key}` }, on: { click: () => press(key) },
  }, make('span', { class: 'key__digit', text: key }), make('span', { class: 'key__letters', text: LETTERS[key] ?? '', 'aria-hidden': 'true' }))));
  byId('keypad-close').addEventListener('click', () => close());
  addEventListener('keydown', (event) => {
    if (!panel.open || event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog:modal')) return;
    if (KEYS.includes(event.key)) press(event.key);
  });

  /** @param {string} key */
  function press(key) {
    const { call } = phone;
    if (!call?.talking) return;
    if (!call.press(key)) {
      phone.say('The connection to the server is broken: the digit was not sent.');
      return;
    }
    keyTone(key);
    pressed = (pressed + key).slice(-MAX_SHOWN);
    setText(byId('keypad-digits'), pressed);
  }

  function close() {
    if (!panel.open) return false;
    const inside = panel.contains(document.activeElement);
    panel.close();
    opener.setAttribute('aria-expanded', 'false');
    if (inside) opener.focus();
    return true;
  }

  return {
    close,
    toggle() {
      if (close() || !phone.call?.talking) return;
      panel.show();
      opener.setAttribute('aria-expanded', 'true');
    },
    render() {
      const id = phone.call?.id ?? '';
      if (!phone.call?.talking) close();
      if (id === of) return;
      of = id;
      pressed = '';
      setText(byId('keypad-digits'), '');
    },
  };
}
