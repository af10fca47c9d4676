// @ts-check
// Signing in: a free name, or an account.

import { byId, setText } from '../../shared/dom.js';
import { devicesReachable } from '../media.js';
import { rememberedNames } from '../memory.js';
import { loginOf, proposeName } from '../names.js';
import { wakeSound } from '../tones.js';

/** @param {import('../phone.js').Phone} phone */
export function signinView(phone) {
  const form = byId('signin-form', HTMLFormElement);
  const name = byId('signin-name', HTMLInputElement);
  const password = byId('signin-password', HTMLInputElement);
  const go = byId('signin-go', HTMLButtonElement);
  const kind = byId('signin-kind', HTMLButtonElement);
  const another = byId('signin-another', HTMLButtonElement);
  const refusal = byId('signin-refusal');
  let account = false;
  let proposed = '';
  /** What the field itself has to say. */
  let complaint = '';

  propose(firstName());
  setText(byId('signin-foot'), `Server ${location.host}. Sound and picture travel encrypted.`);
  if (!devicesReachable()) void warnOfPlainPage();

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    wakeSound();
    complaint = missing();
    if (complaint) {
      render();
      return;
    }
    if (account) void phone.signInToAccount(name.value, password.value);
    else void phone.signInAsGuest(name.value, name.value === proposed);
  });
  another.addEventListener('click', () => {
    propose(proposeName([...phone.neighbours.logins(), loginOf(name.value)]));
    complaint = '';
    phone.refusal = null;
    render();
    name.focus();
  });
  kind.addEventListener('click', () => {
    account = !account;
    complaint = '';
    phone.refusal = null;
    if (account && name.value === proposed) name.value = '';
    if (!account && !name.value) propose(firstName());
    render();
    (account && name.value ? password : name).focus();
  });
  name.addEventListener('input', () => {
    complaint = '';
    render();
  });

  function missing() {
    if (!name.value.trim()) return 'Type a name first.';
    if (account && !password.value) return 'Type the password of the account.';
    if (!account && !loginOf(name.value)) return 'Use at least one letter or digit in the name.';
    return '';
  }

  /**
   * What is typed takes the place of the proposal before, if that is marked, and so of this one.
   * @param {string} value
   */
  function propose(value) {
    const marked = name.value !== '' && name.selectionStart === 0 && name.selectionEnd === name.value.length;
    proposed = value;
    name.value = value;
    if (marked) name.setSelectionRange(0, value.length);
  }

  /** The name of this tab, else that of this browser, unless another window has it. */
  function firstName() {
    const { tab, browser } = rememberedNames();
    const taken = phone.neighbours.logins();
    if (tab && !taken.includes(loginOf(tab))) return tab;
    if (browser && !taken.includes(loginOf(browser))) return browser;
    return proposeName(taken);
  }

  function render() {
    const busy = phone.screen === 'signing-in';
    setText(byId('signin-title'), account ? 'Welcome back' : 'Who’s calling?');
    setText(byId('signin-lead'), account
      ? 'Sign in with the account that this server’s administrator gave you.'
      : 'Pick a name. People here will see it and can call you by it.');
    setText(byId('signin-name-label'), account ? 'Account' : 'Your name');
    name.setAttribute('autocomplete', account ? 'username' : 'nickname');
    name.autocapitalize = account ? 'none' : 'words';
    byId('signin-password-field').hidden = !account;
    another.hidden = account;
    setText(go, busy ? 'One moment…' : account ? 'Sign in' : 'Come in');
    setText(kind, account ? 'Come in as a guest' : 'I have an account');
    for (const control of [name, password, go, kind, another]) control.disabled = busy;
    const words = complaint || phone.refusal?.sentence || '';
    refusal.hidden = !words;
    setText(refusal, words);
    name.setAttribute('aria-invalid', String(Boolean(words)));
    if (phone.screen === 'idle') password.value = '';
  }

  // The first look at other windows is over soon after: avoid their names then.
  void phone.neighbours.look().then(() => {
    if (name.value === proposed && phone.neighbours.logins().includes(loginOf(proposed))) propose(firstName());
  });

  return { render };
}

/** Without encryption browsers hide microphone and camera; say where they do not. */
async function warnOfPlainPage() {
  const port = await securePort().catch(() => undefined);
  const text = document.createElement('p');
  text.append('This page came without encryption, so the browser keeps microphone and camera from it: others will not hear or see you. ');
  if (port) text.append('Open ', secureLink(port), ' instead.');
  else if (port === null) text.append('This server has no encrypted page: its operator has to set https.listen.');
  const note = byId('signin-insecure');
  note.replaceChildren(text);
  note.hidden = false;
}

function secureLink(port) {
  const secure = new URL(location.href);
  secure.protocol = 'https:';
  secure.port = String(port);
  const link = document.createElement('a');
  link.href = secure.href;
  link.dataset.testid = 'secure-link';
  link.textContent = secure.host;
  return link;
}

/** Where the server serves the same page encrypted; null if it does not. */
async function securePort() {
  const answer = await fetch('/page.json', { cache: 'no-store' });
  const { https_port: port } = await answer.json();
  return port;
}
