// @ts-check
// Passing the call on to somebody else.

import { byId, make, monogram, setText } from '../../shared/dom.js';
import { dialled } from '../names.js';

/** @param {import('../phone.js').Phone} phone */
export function transferSheet(phone) {
  const sheet = byId('transfer', HTMLDialogElement);
  const name = byId('transfer-name', HTMLInputElement);

  byId('transfer-close').addEventListener('click', () => sheet.close());
  byId('transfer-form').addEventListener('submit', (event) => {
    event.preventDefault();
    pass(name.value);
  });

  /** @param {string} text */
  function pass(text) {
    const { call } = phone;
    if (!call || !text.trim()) {
      name.focus();
      return;
    }
    const target = dialled(text, phone.users);
    sheet.close();
    phone.say(call.transfer(target.name)
      ? `Passing ${call.person.displayName} on to ${target.displayName}…`
      : 'The connection to the server is broken: the call was not passed on.');
  }

  return {
    open() {
      const { call } = phone;
      if (!call?.talking || sheet.open) return;
      name.value = '';
      setText(byId('transfer-lead'), `${call.person.displayName} goes on talking with whom you name, and you leave the call.`);
      const others = phone.users.filter((user) => user.name !== call.person.name && !user.busy);
      byId('transfer-people').replaceChildren(...others.slice(0, 6).map((user) => make('li', {}, make('button', {
        class: 'person__call', type: 'button', data: { testid: 'transfer-person', name: user.name }, on: { click: () => pass(user.name) },
      }, monogram(user.display_name), make('span', { class: 'person__name' }, make('span', { class: 'person__shown', text: user.display_name }))))));
      sheet.showModal();
      name.focus();
    },
    render() {
      if (!phone.call?.talking && sheet.open) sheet.close();
    },
  };
}
