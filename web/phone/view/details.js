// @ts-check
// The numbers behind the word for the connection's quality.

import { byId, make, setText } from '../../shared/dom.js';
import { percent } from '../../shared/format.js';

/** @typedef {import('../quality.js').Flow} Flow */

/** @param {import('../phone.js').Phone} phone */
export function detailsSheet(phone) {
  const sheet = byId('details', HTMLDialogElement);
  byId('details-close').addEventListener('click', () => sheet.close());

  function render() {
    const { call } = phone;
    if (!call?.talking && sheet.open) sheet.close();
    if (!sheet.open || !call?.quality) return;
    const { words, flows, roundTripMs, mos } = call.quality;
    setText(byId('details-words'), `${words}.`);
    const who = call.person.displayName;
    const rows = [
      [`Sound from ${who}`, flow(flows.audioIn)],
      ['Your sound', flow(flows.audioOut)],
      [`Picture from ${who}`, flow(flows.videoIn)],
      ['Your picture', flow(flows.videoOut)],
      ['To the server and back', roundTripMs ? `${Math.round(roundTripMs)} ms` : ''],
      ['Sound as people would rate it', mos ? `${mos.toFixed(1)} of 4.5` : ''],
    ].filter(([, value]) => value);
    byId('details-list').replaceChildren(...rows.flatMap(([term, value]) => [make('dt', { text: term }), make('dd', { text: value })]));
  }

  return {
    open() {
      if (sheet.open) return;
      sheet.showModal();
      render();
    },
    render,
  };
}

/** @param {Flow | undefined} of */
function flow(of) {
  if (!of) return '';
  return [
    of.codec === 'opus' ? 'Opus' : of.codec,
    of.height > 0 && `${of.width} × ${of.height}`,
    of.fps > 0 && `${Math.round(of.fps)} frames/s`,
    `${Math.round(of.kbps)} kbit/s`,
    of.loss !== null && (of.loss > 0 ? `${percent(of.loss)} lost` : 'nothing lost'),
    of.jitterMs !== null && `${Math.round(of.jitterMs)} ms jitter`,
  ].filter(Boolean).join(', ');
}
