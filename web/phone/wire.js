// @ts-check
// One WebSocket of the Web SDK protocol: frames of `{message, data}` both ways, and a watch
// over its signs of life.

/** The server pings every 5 s; this long without a word is worth a question. */
const QUIET_MS = 11_000;
/** And this long without an answer to it means that the line is dead. */
const ANSWER_MS = 5_000;
const LOOK_MS = 2_000;
const OPEN_TIMEOUT_MS = 10_000;

/**
 * @typedef {{ message: string, data: any[] }} Frame
 * @typedef {{ opened: boolean, code: number, reason: string }} Down why a line is gone
 */

export class Wire {
  /** @type {WebSocket} */
  #socket;
  #opened = false;
  #over = false;
  #heardAt = performance.now();
  #askedAt = 0;
  #watch;
  #timeout;

  /**
   * @param {string} url
   * @param {{ opened: () => void, frame: (frame: Frame) => void, down: (down: Down) => void }} owner
   */
  constructor(url, owner) {
    this.#socket = new WebSocket(url);
    this.#socket.onopen = () => {
      this.#opened = true;
      this.#heardAt = performance.now();
      clearTimeout(this.#timeout);
      owner.opened();
    };
    this.#socket.onmessage = ({ data }) => {
      this.#heardAt = performance.now();
      this.#askedAt = 0;
      const frame = parse(data);
      if (!frame) return;
      if (frame.message === 'ping') this.send('pong', null);
      else owner.frame(frame);
    };
    this.#socket.onclose = ({ code, reason }) => this.#end(owner, { code, reason });
    this.#watch = setInterval(() => this.#look(owner), LOOK_MS);
    this.#timeout = setTimeout(() => this.#drop(owner), OPEN_TIMEOUT_MS);
  }

  /**
   * Sends a message; false if the line is not open.
   * @param {string} message
   * @param {unknown} data
   */
  send(message, data) {
    if (this.#socket.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify({ message, data: [data] }));
    return true;
  }

  /** Closes it without telling the owner. */
  close() {
    this.#quiet();
    this.#socket.close(1000);
  }

  /** Asks the server for a sign of life now, say when the page wakes up. */
  probe() {
    if (this.#askedAt === 0 && this.send('ping', null)) this.#askedAt = performance.now();
  }

  /** @param {{ down: (down: Down) => void }} owner */
  #look(owner) {
    if (!this.#opened) return;
    const now = performance.now();
    if (this.#askedAt > 0 && now - this.#askedAt > ANSWER_MS) this.#drop(owner);
    else if (now - this.#heardAt > QUIET_MS) this.probe();
  }

  /**
   * Gives a silent line up: its close handshake could take minutes.
   * @param {{ down: (down: Down) => void }} owner
   */
  #drop(owner) {
    this.#socket.close();
    this.#end(owner, { code: 1006, reason: '' });
  }

  /**
   * @param {{ down: (down: Down) => void }} owner
   * @param {{ code: number, reason: string }} how
   */
  #end(owner, how) {
    if (this.#over) return;
    this.#quiet();
    owner.down({ opened: this.#opened, ...how });
  }

  #quiet() {
    this.#over = true;
    clearInterval(this.#watch);
    clearTimeout(this.#timeout);
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
  }
}

/**
 * @param {unknown} text
 * @returns {Frame | undefined}
 */
function parse(text) {
  if (typeof text !== 'string') return undefined;
  try {
    const frame = JSON.parse(text);
    if (typeof frame?.message === 'string') {
      return { message: frame.message, data: Array.isArray(frame.data) ? frame.data : [] };
    }
  } catch {
    // Not for us.
  }
  return undefined;
}
