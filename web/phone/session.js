// @ts-check
// Being signed in: `connection`, `getUserData`, `registered`, and coming back with the token
// when the line breaks or the page is loaded anew.

import { Wire } from './wire.js';
import { forgetSession, keepSession } from './memory.js';

const VERSION = 'callbox-page-1';
const RETRIES_MS = [400, 1_000, 2_000, 4_000, 8_000, 15_000];
/** The close reason with which a server hands a session over to another window. */
const TAKEN_OVER = 1000;

/**
 * @typedef {{ kind: 'guest', login: string, displayName: string }
 *   | { kind: 'account', login: string, password: string }} Credentials
 * @typedef {{ login: string, domain: string, displayName: string, guest: boolean }} Me
 * @typedef {'out' | 'opening' | 'in' | 'waiting' | 'reopening'} SessionState
 *   `waiting` and `reopening`: signed in, but the line is broken.
 * @typedef {{ code: string, sentence: string }} Refusal
 */

export class Session extends EventTarget {
  /** @type {SessionState} */
  state = 'out';
  /** @type {Me | null} */
  me = null;
  /** When the next attempt is due, as by `Date.now()`; only in state `waiting`. */
  retryAt = 0;

  #url;
  /** @type {Wire | null} */
  #wire = null;
  /** @type {Credentials | null} */
  #credentials = null;
  /** @type {string | null} */
  #token = null;
  /** @type {Refusal | null} */
  #refusal = null;
  #attempt = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;
  /** @type {((refusal: Refusal | null) => void) | null} */
  #settle = null;
  /** @type {() => string[]} */
  #heldCalls;

  /**
   * @param {string} url of the WebSocket
   * @param {() => string[]} heldCalls the calls whose media this page holds
   */
  constructor(url, heldCalls) {
    super();
    this.#url = url;
    this.#heldCalls = heldCalls;
    addEventListener('online', () => this.retryNow());
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') this.#wire?.probe();
    });
  }

  /** Signed in as far as people are concerned, even while the line is being mended. */
  get signedIn() {
    return this.state === 'in' || this.state === 'waiting' || this.state === 'reopening';
  }

  /**
   * Signs in. Resolves to null, or to why not.
   * @param {Credentials} credentials
   * @returns {Promise<Refusal | null>}
   */
  signIn(credentials) {
    return this.#begin(credentials, null);
  }

  /**
   * Takes up the session of this page before it was loaded anew.
   * @param {{ token: string, credentials: Credentials | null }} kept
   * @returns {Promise<Refusal | null>}
   */
  resume({ token, credentials }) {
    return this.#begin(credentials, token);
  }

  /**
   * @param {Credentials | null} credentials
   * @param {string | null} token
   * @returns {Promise<Refusal | null>}
   */
  #begin(credentials, token) {
    this.#credentials = credentials;
    this.#token = token;
    this.#attempt = 0;
    this.#change('opening');
    return new Promise((resolve) => {
      this.#settle = resolve;
      this.#open();
    });
  }

  signOut() {
    clearTimeout(this.#retry);
    this.#wire?.close();
    this.#wire = null;
    this.#token = null;
    this.#credentials = null;
    this.me = null;
    forgetSession();
    this.#change('out');
  }

  /**
   * @param {string} message
   * @param {unknown} data
   */
  send(message, data) {
    return this.#wire?.send(message, data) ?? false;
  }

  /** Does not wait for the next attempt. */
  retryNow() {
    if (this.state !== 'waiting') return;
    clearTimeout(this.#retry);
    this.#change('reopening');
    this.#open();
  }

  #open() {
    this.#refusal = null;
    this.#wire = new Wire(this.#url, {
      opened: () => this.#connect(),
      frame: (frame) => this.#hear(frame),
      down: (down) => this.#down(down),
    });
  }

  #connect() {
    const credentials = this.#credentials;
    const named = credentials && (credentials.kind === 'guest' || !this.#token);
    const displayName = credentials?.kind === 'guest' ? credentials.displayName : undefined;
    this.send('connection', {
      appKey: 'defaultApp',
      mediaProviders: ['WebRTC'],
      keepAlive: true,
      clientVersion: VERSION,
      clientBrowserVersion: navigator.userAgent,
      ...(this.#token && { authToken: this.#token }),
      ...(named && { sipLogin: credentials.login }),
      ...(named && credentials.kind === 'account' && { sipPassword: credentials.password }),
      sipRegisterRequired: true,
      custom: { callbox: { display_name: displayName, calls: this.#heldCalls() } },
    });
  }

  /** @param {import('./wire.js').Frame} frame */
  #hear({ message, data }) {
    switch (message) {
      case 'getUserData':
        return this.#accepted(data[0] ?? {});
      case 'registered':
        return this.#registered();
      case 'callbox.welcome':
        if (this.me && data[0]?.you) {
          this.me = {
            ...this.me,
            login: data[0].you.name ?? this.me.login,
            displayName: data[0].you.display_name ?? this.me.displayName,
            guest: data[0].you.guest === true,
          };
        }
        break;
      case 'fail':
        if (data[0]?.apiMethod === 'RegistrationStatusEvent') {
          this.#refusal = refusalOf(data[0]);
          return undefined;
        }
        break;
      default:
    }
    return void this.dispatchEvent(new CustomEvent('frame', { detail: { message, data } }));
  }

  /** @param {{ authToken?: string, sipLogin?: string, sipDomain?: string }} user */
  #accepted(user) {
    this.#token = user.authToken ?? null;
    const credentials = this.#credentials;
    const login = user.sipLogin ?? credentials?.login ?? '';
    this.me = {
      login,
      domain: user.sipDomain ?? '',
      displayName: (credentials?.kind === 'guest' && credentials.displayName) || this.me?.displayName || login,
      guest: credentials?.kind === 'guest',
    };
    keepSession(this.#token, credentials);
    this.send('callbox.hello', { version: 2 });
  }

  #registered() {
    const resumed = this.state !== 'opening';
    this.#attempt = 0;
    this.#change('in');
    this.#finish(null);
    if (resumed) this.dispatchEvent(new Event('resumed'));
  }

  /** @param {import('./wire.js').Down} down */
  #down(down) {
    this.#wire = null;
    const refusal = this.#refusal;
    if (refusal?.code === 'session_expired' && this.#credentials && this.#token) {
      // The server has forgotten us, say after a restart: the name may still do.
      this.#token = null;
      return this.#open();
    }
    if (refusal) return this.#leave(refusal);
    if (down.opened && down.code === TAKEN_OVER && this.signedIn) {
      return this.#leave({ code: 'taken_over', sentence: 'You went on in another window, so this one signed out.' });
    }
    if (this.state === 'opening' && !this.#token) return this.#leave(unreachable(down));
    return this.#wait();
  }

  #wait() {
    const delay = RETRIES_MS[Math.min(this.#attempt, RETRIES_MS.length - 1)] * (0.8 + 0.4 * Math.random());
    this.#attempt += 1;
    if (this.state === 'opening') {
      if (this.#attempt >= 4) return this.#leave(unreachable({ opened: false, code: 1006, reason: '' }));
      this.#retry = setTimeout(() => this.#open(), delay);
      return undefined;
    }
    this.retryAt = Date.now() + delay;
    this.#change('waiting');
    this.#retry = setTimeout(() => this.retryNow(), delay);
    return undefined;
  }

  /** @param {Refusal} refusal */
  #leave(refusal) {
    const wasIn = this.signedIn;
    this.signOut();
    this.#finish(refusal);
    if (wasIn) this.dispatchEvent(new CustomEvent('refused', { detail: refusal }));
  }

  /** @param {Refusal | null} refusal */
  #finish(refusal) {
    this.#settle?.(refusal);
    this.#settle = null;
  }

  /** @param {SessionState} state */
  #change(state) {
    this.state = state;
    this.dispatchEvent(new Event('change'));
  }
}

/**
 * @param {{ code?: string, sentence?: string, info?: string }} fail
 * @returns {Refusal}
 */
function refusalOf(fail) {
  return {
    code: fail.code ?? 'refused',
    sentence: fail.sentence ?? `The server did not let you in${fail.info ? `: ${fail.info}` : ''}.`,
  };
}

/**
 * @param {import('./wire.js').Down} down
 * @returns {Refusal}
 */
function unreachable({ opened, reason }) {
  const sentence = opened
    ? `The server closed the connection${reason ? ` (${reason})` : ''}. Try again.`
    : `The server at ${location.host} does not answer. Check that it runs and that this device is on the network, then try again.`;
  return { code: 'unreachable', sentence };
}
