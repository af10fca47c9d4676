// @ts-check
// Other Callbox windows of this browser. They share a room, so a call between two of them would
// howl; and a duplicated tab must not sign in with the session of the first.

const CHANNEL = 'callbox';
const WINDOW_KEY = 'callbox.window';
const ANSWER_MS = 120;

/**
 * @typedef {{ me: string, peer: string, answered: boolean } | null} CallOfWindow
 *   names as dialled; `answered`: this window was called
 * @typedef {{ kind: 'who' | 'here' | 'gone', window: string, login: string | null,
 *   call: CallOfWindow }} Word
 */

export class Neighbours extends EventTarget {
  #id = crypto.getRandomValues(new Uint32Array(2)).join('-');
  #channel = typeof BroadcastChannel === 'function' ? new BroadcastChannel(CHANNEL) : null;
  /** @type {string | null} */
  #login = null;
  /** @type {CallOfWindow} */
  #call = null;
  /** @type {Map<string, Word>} */
  #others = new Map();
  #duplicate = false;
  #former = formerWindow();

  constructor() {
    super();
    this.#channel?.addEventListener('message', ({ data }) => this.#hear(data));
    addEventListener('pagehide', () => this.#say('gone'));
    addEventListener('pageshow', () => this.#say('who'));
  }

  /**
   * Listens who else is there. Resolves to whether this tab is the copy of one that lives, and
   * the logins of other windows.
   */
  async look() {
    this.#say('who');
    await new Promise((resolve) => {
      setTimeout(resolve, this.#channel ? ANSWER_MS : 0);
    });
    keepWindow(this.#id);
    return { duplicate: this.#duplicate, logins: this.logins() };
  }

  /** The logins of the other windows. */
  logins() {
    return [...this.#others.values()].flatMap((word) => (word.login ? [word.login] : []));
  }

  /** @param {string | null} login */
  signedInAs(login) {
    if (this.#login === login) return;
    this.#login = login;
    this.#say('here');
  }

  /** @param {CallOfWindow} call */
  inCall(call) {
    if (JSON.stringify(call) === JSON.stringify(this.#call)) return;
    this.#call = call;
    this.#say('here');
    this.#check();
  }

  /** @param {unknown} data */
  #hear(data) {
    const word = /** @type {Word} */ (data);
    if (typeof word?.window !== 'string' || word.window === this.#id) return;
    if (word.window === this.#former) this.#duplicate = true;
    if (word.kind === 'gone') this.#others.delete(word.window);
    else this.#others.set(word.window, word);
    if (word.kind === 'who') this.#say('here');
    this.#check();
  }

  /** Tells the owner whether the far side of its call is a window of this browser. */
  #check() {
    const mine = this.#call;
    const partner = mine && [...this.#others.values()].find(({ call }) => call
      && same(call.me, mine.peer) && same(call.peer, mine.me) && call.answered !== mine.answered);
    this.dispatchEvent(new CustomEvent('partner', { detail: Boolean(partner) }));
  }

  /** @param {Word['kind']} kind */
  #say(kind) {
    this.#channel?.postMessage({ kind, window: this.#id, login: this.#login, call: this.#call });
  }
}

/**
 * @param {string} a
 * @param {string} b
 */
function same(a, b) {
  return a.split('@')[0].toLowerCase() === b.split('@')[0].toLowerCase();
}

/** The id this tab had before it was loaded anew; a copy of a tab has the id of the original. */
function formerWindow() {
  try {
    return sessionStorage.getItem(WINDOW_KEY);
  } catch {
    return null;
  }
}

/** @param {string} id */
function keepWindow(id) {
  try {
    sessionStorage.setItem(WINDOW_KEY, id);
  } catch {
    // Forbidden.
  }
}
