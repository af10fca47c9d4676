// @ts-check
// Puts the telephone and its views together.
//
//   wire       one WebSocket: frames and signs of life
//   session    being signed in, coming back after a break
//   call, peer one call: what the server says of it, and its media
//   phone      who is here, the call that is on; all that views look at
//   view/*     one part of the page each; they hold no state that others need

import { Phone } from './phone.js';
import { attention } from './view/attention.js';
import { callView } from './view/call.js';
import { detailsSheet } from './view/details.js';
import { endedView } from './view/ended.js';
import { keypad } from './view/keypad.js';
import { lobbyView } from './view/lobby.js';
import { screens } from './view/screens.js';
import { settingsSheet } from './view/settings.js';
import { shortcuts } from './view/shortcuts.js';
import { signinView } from './view/signin.js';
import { toasts } from './view/toasts.js';
import { transferSheet } from './view/transfer.js';

const phone = new Phone();
const sheets = {
  settings: settingsSheet(phone),
  transfer: transferSheet(phone),
  details: detailsSheet(phone),
  keypad: keypad(phone),
};
const views = [
  signinView(phone),
  lobbyView(phone, sheets),
  callView(phone, sheets),
  endedView(phone),
  ...Object.values(sheets),
  attention(phone),
  screens(phone),
];
shortcuts(phone, sheets);
toasts(phone);

let due = false;
/** Draws once, however much has changed since. */
function draw() {
  due = false;
  for (const view of views) view.render();
}
phone.addEventListener('change', () => {
  if (due) return;
  due = true;
  queueMicrotask(draw);
});
draw();
void phone.begin().then(() => phone.dispatchEvent(new Event('change')));
