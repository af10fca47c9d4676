// @ts-check
// What the page remembers: in this tab (session, name, history) and in this browser (name,
// devices). Storage may be forbidden; then nothing is remembered and everything works.

const KEPT = 'callbox.session';
const NAME = 'callbox.name';
const HISTORY = 'callbox.history';
const DEVICES = 'callbox.devices';
const KEYS = 'callbox.keys';
const MAX_HISTORY = 30;

/**
 * @typedef {import('./session.js').Credentials} Credentials
 * @typedef {{ name: string, displayName: string, direction: 'in' | 'out', video: boolean,
 *   at: number, talkedMs: number, sentence: string, missed: boolean }} PastCall
 * @typedef {{ camera?: string, microphone?: string, speaker?: string }} ChosenDevices
 */

const inTab = () => sessionStorage;
const inBrowser = () => localStorage;

/** @param {string} key @param {unknown} value @param {() => Storage} [store] */
function write(key, value, store = inTab) {
  try {
    if (value === null) store().removeItem(key);
    else store().setItem(key, JSON.stringify(value));
  } catch {
    // Full or forbidden.
  }
}

/** @param {string} key @param {() => Storage} [store] @returns {any} */
function read(key, store = inTab) {
  try {
    return JSON.parse(store().getItem(key) ?? 'null');
  } catch {
    return null;
  }
}

/**
 * Keeps the way back into a session. A password is never kept.
 * @param {string | null} token
 * @param {Credentials | null} credentials
 */
export function keepSession(token, credentials) {
  const guest = credentials?.kind === 'guest' ? credentials : null;
  write(KEPT, token && { token, credentials: guest });
}

/** @returns {{ token: string, credentials: Credentials | null } | null} */
export function keptSession() {
  const kept = read(KEPT);
  return typeof kept?.token === 'string' ? kept : null;
}

export function forgetSession() {
  write(KEPT, null);
}

/** @param {string} name */
export function rememberName(name) {
  write(NAME, name);
  write(NAME, name, inBrowser);
}

/** The name used last in this tab, and the one used last in this browser. */
export function rememberedNames() {
  return {
    tab: /** @type {string | null} */ (read(NAME)),
    browser: /** @type {string | null} */ (read(NAME, inBrowser)),
  };
}

/** @returns {PastCall[]} the newest first */
export function pastCalls() {
  const calls = read(HISTORY);
  return Array.isArray(calls) ? calls : [];
}

/** @param {PastCall} call */
export function rememberCall(call) {
  write(HISTORY, [call, ...pastCalls()].slice(0, MAX_HISTORY));
}

export function forgetCalls() {
  write(HISTORY, null);
}

/** @returns {ChosenDevices} */
export function chosenDevices() {
  return read(DEVICES, inBrowser) ?? {};
}

/** @param {ChosenDevices} change */
export function chooseDevices(change) {
  write(DEVICES, { ...chosenDevices(), ...change }, inBrowser);
}

/** Whether single keys do things during a call; some people's tools type them by accident. */
export function singleKeys() {
  return read(KEYS, inBrowser) !== false;
}

/** @param {boolean} on */
export function setSingleKeys(on) {
  write(KEYS, on, inBrowser);
}
