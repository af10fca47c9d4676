// @ts-check
// Sentences in passing.

import { byId, make } from '../../shared/dom.js';

const SHOWN_MS = 6_000;
const MAX_SHOWN = 3;

/** @param {import('../phone.js').Phone} phone */
export function toasts(phone) {
  const box = byId('toasts');
  phone.addEventListener('say', (event) => {
    const text = /** @type {CustomEvent} */ (event).detail;
    if (!text) return;
    for (const old of [...box.children]) {
      if (old.textContent === text || box.children.length >= MAX_SHOWN) old.remove();
    }
    const toast = make('p', { class: 'toast', text });
    // In full screen only what is inside is seen.
    (document.fullscreenElement ?? document.body).append(box);
    box.append(toast);
    setTimeout(() => toast.remove(), SHOWN_MS);
  });
}
