// @ts-check
// What became of the call that is over.

import { byId, setMonogram, setText } from '../../shared/dom.js';
import { duration } from '../../shared/format.js';

/** @param {import('../phone.js').Phone} phone */
export function endedView(phone) {
  let shown = '';
  byId('ended-back').addEventListener('click', () => phone.dismiss());
  byId('ended-again').addEventListener('click', () => {
    const call = phone.ended;
    if (call) phone.dial(call.person.name, call.video);
  });
  return {
    render() {
      const call = phone.ended;
      if (!call || call.id === shown) return;
      shown = call.id;
      setMonogram(byId('ended-monogram'), call.person.displayName);
      setText(byId('ended-sentence'), call.sentence);
      setText(byId('ended-duration'), call.answeredAt
        ? `You talked with ${call.person.displayName} for ${duration(Date.now() - call.answeredAt)}.` : '');
    },
  };
}
