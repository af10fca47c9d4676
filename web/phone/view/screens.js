// @ts-check
// Which screen is shown, and where the keyboard is when it changes.

import { byId, setText } from '../../shared/dom.js';

/** @typedef {import('../phone.js').Screen} Screen */

/** @type {Record<Screen, { view: string, heading: string }>} */
const SCREENS = {
  'signed-out': { view: 'view-signin', heading: 'signin-title' },
  'signing-in': { view: 'view-signin', heading: 'signin-title' },
  idle: { view: 'view-lobby', heading: 'greeting' },
  calling: { view: 'view-call', heading: 'call-name' },
  ringing: { view: 'view-call', heading: 'call-name' },
  incoming: { view: 'view-call', heading: 'call-name' },
  'in-call': { view: 'view-call', heading: 'call-name' },
  held: { view: 'view-call', heading: 'call-name' },
  ended: { view: 'view-ended', heading: 'ended-sentence' },
};

/** @param {import('../phone.js').Phone} phone */
export function screens(phone) {
  const views = new Set(Object.values(SCREENS).map(({ view }) => view));
  let shown = '';
  /** @type {Screen | ''} */
  let last = '';

  return {
    render() {
      const { screen, session } = phone;
      const { view, heading } = SCREENS[screen];
      document.body.dataset.state = screen;
      document.body.dataset.connection = session.state === 'in' ? 'online'
        : session.signedIn ? 'reconnecting' : 'offline';
      document.body.toggleAttribute('data-remote-held', phone.call?.heldByPeer === true);
      for (const id of views) byId(id).hidden = id !== view;
      if (view !== shown) {
        shown = view;
        scrollTo(0, 0);
        focusFirst(view, heading);
      }
      if (screen !== last) announce(screen);
      last = screen;
    },
  };

  /** @param {Screen} screen */
  function announce(screen) {
    const name = phone.call?.person.displayName ?? phone.ended?.person.displayName ?? '';
    const words = {
      'signed-out': '',
      'signing-in': 'Signing in',
      idle: last === 'signing-in' ? `Signed in as ${phone.session.me?.displayName}` : '',
      calling: `Calling ${name}`,
      ringing: `It rings at ${name}`,
      incoming: '',
      'in-call': `In a call with ${name}`,
      held: `${name} is on hold`,
      ended: phone.ended?.sentence ?? '',
    }[screen];
    setText(byId('announcer'), words);
    setText(byId('alarm'), screen === 'incoming'
      ? `${name} is calling. Enter answers, Escape declines.` : '');
  }
}

/**
 * On a heading: a key meant for the screen before must not press a button of this one.
 * @param {string} view
 * @param {string} heading
 */
function focusFirst(view, heading) {
  const first = view === 'view-signin' ? 'signin-name' : view === 'view-lobby' && matchMedia('(pointer: fine)').matches ? 'dial-name' : heading;
  byId(first).focus({ preventScroll: true });
}
