// @ts-check
// Who is here, whom to call, and the calls so far.

import { byId, icon, make, monogram, setText } from '../../shared/dom.js';
import { count, duration, timeOfDay } from '../../shared/format.js';
import { forgetCalls, pastCalls } from '../memory.js';
import { tellsMore } from '../names.js';
import { wakeSound } from '../tones.js';

/**
 * @typedef {import('../phone.js').Phone} Phone
 * @typedef {import('../phone.js').PresentUser} PresentUser
 */

/**
 * @param {Phone} phone
 * @param {{ settings: { open: () => void } }} sheets
 */
export function lobbyView(phone, sheets) {
  const typed = byId('dial-name', HTMLInputElement);
  let drawnPeople = '';
  let drawnPast = '';

  byId('dial', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    call(typed.value, true);
  });
  byId('dial-voice').addEventListener('click', () => call(typed.value, false));
  typed.addEventListener('input', () => render());
  byId('lobby-settings').addEventListener('click', () => sheets.settings.open());
  byId('sign-out').addEventListener('click', () => phone.signOut());
  byId('forget').addEventListener('click', () => {
    forgetCalls();
    render();
  });
  byId('copy-address').addEventListener('click', () => void copyAddress(phone));
  setText(byId('page-address'), location.href.replace(/#.*$/, ''));
  // The countdown to the next attempt.
  setInterval(() => {
    if (phone.session.state === 'waiting') renderLine();
  }, 500);

  /**
   * @param {string} name
   * @param {boolean} video
   */
  function call(name, video) {
    wakeSound();
    if (!name.trim()) {
      typed.focus();
      return;
    }
    typed.value = '';
    phone.dial(name, video);
  }

  function render() {
    if (!phone.session.me || phone.screen !== 'idle') return;
    const { displayName, login } = phone.session.me;
    setText(byId('greeting'), `${partOfDay()}, ${displayName}.`);
    setText(byId('me'), tellsMore(login, displayName) ? `${displayName} (${login})` : displayName);
    renderLine();
    renderPeople();
    renderPast();
  }

  function renderLine() {
    const note = byId('lobby-line');
    const { state, retryAt } = phone.session;
    note.hidden = state === 'in' || !phone.session.signedIn;
    if (note.hidden) return;
    const seconds = Math.max(1, Math.ceil((retryAt - Date.now()) / 1000));
    const words = state === 'waiting'
      ? `The connection to the server is broken. Trying again in ${count(seconds, 'second')}.`
      : 'The connection to the server is broken. Trying again now.';
    if (note.firstElementChild) {
      setText(note.firstElementChild, words);
    } else {
      note.append(make('span', { text: words }), make('button', {
        class: 'button button--plain', type: 'button', text: 'Try now', on: { click: () => phone.session.retryNow() },
      }));
    }
  }

  function renderPeople() {
    const filter = typed.value.trim().toLowerCase();
    const matching = phone.users.filter(({ name, display_name: shown }) => !filter
      || name.toLowerCase().includes(filter) || shown.toLowerCase().includes(filter));
    setText(byId('people-count'), phone.users.length > 0 ? String(phone.users.length + phone.more) : '');
    byId('nobody').hidden = phone.users.length > 0 || !phone.knowsPresence;
    setText(byId('nobody-matches'), `No name here contains “${typed.value.trim()}”. Enter calls it all the same.`);
    byId('nobody-matches').hidden = !(phone.users.length > 0 && matching.length === 0);
    setText(byId('people-more'), `and ${phone.more} more: type a name to call any of them.`);
    byId('people-more').hidden = phone.more === 0;
    const drawn = JSON.stringify(matching);
    if (drawn === drawnPeople) return;
    drawnPeople = drawn;
    keepingFocus(byId('people'), () => byId('people').replaceChildren(...matching.map(personRow)));
  }

  /** @param {PresentUser} user */
  function personRow(user) {
    const { name, display_name: shown, busy } = user;
    const state = busy ? 'in a call' : 'free';
    const about = tellsMore(name, shown) ? `${name}, ${state}` : state;
    return make('li', { class: 'person', data: { testid: 'person', name, busy: String(busy) } },
      make('button', {
        class: 'person__call', type: 'button', title: `Video call to ${shown}`, data: { testid: 'person-call', key: `${name}/video` },
        on: { click: () => call(name, true) },
      },
      monogram(shown),
      make('span', { class: 'person__name' },
        make('span', { class: 'person__shown', text: shown }),
        make('span', { class: 'person__about', text: about, data: { busy: String(busy) } })),
      make('span', { class: 'person__go' }, icon('video'), make('span', { text: 'Call' }))),
      make('button', {
        class: 'button button--quiet button--icon', type: 'button', title: `Voice call to ${shown}`,
        'aria-label': `Voice call to ${shown}`, data: { testid: 'person-call-audio', key: `${name}/voice` },
        on: { click: () => call(name, false) },
      }, icon('phone')));
  }

  function renderPast() {
    const calls = pastCalls();
    const drawn = JSON.stringify(calls);
    if (drawn === drawnPast) return;
    drawnPast = drawn;
    byId('past-empty').hidden = calls.length > 0;
    byId('forget').hidden = calls.length === 0;
    byId('past').replaceChildren(...calls.map((past) => {
      const kind = past.missed ? 'missed' : past.direction;
      const label = { missed: 'Missed', in: 'Incoming', out: 'Outgoing' }[kind];
      return make('li', {},
        make('button', {
          class: 'past__call', type: 'button', title: `Call ${past.displayName} again`,
          data: { testid: 'history-call', kind }, on: { click: () => call(past.name, past.video) },
        },
        icon(kind),
        make('span', { class: 'visually-hidden', text: label }),
        make('span', { class: 'past__text' },
          make('span', { class: 'past__name', text: past.displayName }),
          make('span', { class: 'past__about', text: past.talkedMs ? `${past.sentence} ${duration(past.talkedMs)}.` : past.sentence })),
        make('time', { class: 'past__time figures', text: timeOfDay(past.at), datetime: new Date(past.at).toISOString() })));
    }));
  }

  return { render };
}

function partOfDay() {
  const hour = new Date().getHours();
  if (hour >= 5 && hour < 12) return 'Good morning';
  return hour >= 12 && hour < 18 ? 'Good afternoon' : 'Good evening';
}

/** @param {Phone} phone */
async function copyAddress(phone) {
  try {
    await navigator.clipboard.writeText(location.href);
    phone.say('The address is copied.');
  } catch {
    getSelection()?.selectAllChildren(byId('page-address'));
    phone.say('The browser does not let the page copy. The address is selected: copy it from there.');
  }
}

/**
 * Redraws a list without throwing the keyboard out of it.
 * @param {HTMLElement} list
 * @param {() => void} redraw
 */
function keepingFocus(list, redraw) {
  const key = list.contains(document.activeElement) && document.activeElement instanceof HTMLElement
    ? document.activeElement.dataset.key : undefined;
  redraw();
  if (!key) return;
  for (const button of list.querySelectorAll('button')) if (button.dataset.key === key) button.focus();
}
