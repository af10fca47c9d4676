// @ts-check
// The telephone: who is signed in, who is here, the call that is on. Views look at it and tell it
// what people want; it knows nothing of the document.

import { Call } from './call.js';
import { forgetSession, keptSession, rememberCall, rememberName } from './memory.js';
import { Neighbours } from './neighbours.js';
import { dialled, loginOf, proposeName } from './names.js';
import { Session } from './session.js';

/** Offers that wait for their announcement. */
const MAX_OFFERS = 8;
/** How often a proposed name that is taken is exchanged for another. */
const MAX_PROPOSALS = 4;

/**
 * @typedef {{ name: string, display_name: string, busy: boolean, you: boolean }} PresentUser
 * @typedef {'signed-out' | 'signing-in' | 'idle' | 'calling' | 'ringing' | 'incoming' | 'in-call'
 *   | 'held' | 'ended'} Screen
 */

export class Phone extends EventTarget {
  /** @type {PresentUser[]} everybody else who is here */
  users = [];
  /** How many more are here than the list names. */
  more = 0;
  /** The server tells who is here. */
  knowsPresence = false;
  /** @type {Call | null} */
  call = null;
  /** @type {Call | null} somebody who calls while a call is on */
  waiting = null;
  /** @type {Call | null} the call that is over, until its person has read why */
  ended = null;
  /** @type {import('./session.js').Refusal | null} */
  refusal = null;
  /** The far side of the call is another window of this browser. */
  sameRoom = false;

  neighbours = new Neighbours();
  session;
  /** @type {Map<string, string>} */
  #offers = new Map();
  /** A person's own decision about the sound of a call within one room stands. */
  #roomDecided = false;

  constructor() {
    super();
    const url = `${location.protocol === 'https:' ? 'wss:' : 'ws:'}//${location.host}/`;
    this.session = new Session(url, () => this.#heldCalls());
    this.session.addEventListener('change', () => this.#onSession());
    this.session.addEventListener('resumed', () => this.call?.onLineBack());
    this.session.addEventListener('refused', (event) => {
      this.refusal = /** @type {CustomEvent} */ (event).detail;
      this.#change();
    });
    this.session.addEventListener('frame', (event) => this.#hear(/** @type {CustomEvent} */ (event).detail));
    this.neighbours.addEventListener('partner', (event) => this.#onPartner(/** @type {CustomEvent} */ (event).detail));
  }

  /** @returns {Screen} */
  get screen() {
    const { call, session } = this;
    if (!session.signedIn && !call) return session.state === 'opening' ? 'signing-in' : 'signed-out';
    if (!call) return this.ended ? 'ended' : 'idle';
    switch (call.phase) {
      case 'starting':
      case 'trying':
        return 'calling';
      case 'ringing':
        return 'ringing';
      case 'incoming':
      case 'answering':
        return 'incoming';
      default:
        if (!call.answeredAt) return call.direction === 'in' ? 'incoming' : 'calling';
        return call.held ? 'held' : 'in-call';
    }
  }

  /** Takes up the session that this tab had, unless the tab is the copy of one that lives. */
  async begin() {
    const { duplicate } = await this.neighbours.look();
    const kept = keptSession();
    if (!kept) return;
    if (duplicate) forgetSession();
    else await this.#settle(this.session.resume(kept));
  }

  /**
   * @param {string} name as typed
   * @param {boolean} proposed by us: another one will do as well
   */
  async signInAsGuest(name, proposed) {
    let displayName = name.trim().replace(/\s+/g, ' ');
    for (let tries = 0; ; tries += 1) {
      const refusal = await this.#settle(this.session.signIn({ kind: 'guest', login: loginOf(displayName), displayName }));
      if (refusal?.code !== 'name_taken' || !proposed || tries >= MAX_PROPOSALS) break;
      displayName = proposeName(this.neighbours.logins());
    }
    if (this.session.signedIn) rememberName(displayName);
  }

  /**
   * @param {string} login
   * @param {string} password
   */
  async signInToAccount(login, password) {
    await this.#settle(this.session.signIn({ kind: 'account', login: login.trim(), password }));
  }

  signOut() {
    this.call?.hangup();
    this.waiting?.hangup();
    this.session.signOut();
    this.refusal = null;
    this.ended = null;
    this.#change();
  }

  /**
   * Calls somebody, by name or whatever else was typed.
   * @param {string} text
   * @param {boolean} video
   */
  dial(text, video) {
    const me = this.session.me;
    if (this.call || !me || !text.trim()) return;
    const call = this.#adopt(new Call({
      id: uuid(),
      direction: 'out',
      person: dialled(text, this.users),
      video,
      send: (message, data) => this.session.send(message, data),
    }));
    this.#enter(call);
    void call.start(me.login, me.displayName);
  }

  /** Ends the call that is on and takes the one that waits. */
  takeWaiting() {
    const next = this.waiting;
    if (!next) return;
    this.call?.hangup();
    void next.answer({ camera: true });
  }

  /** Back to who is here. */
  dismiss() {
    this.ended = null;
    this.#change();
  }

  /** @param {boolean} on what a person decided about a call within one room */
  setRoomSound(on) {
    this.#roomDecided = true;
    this.call?.setDeafened(!on);
  }

  /** @param {string} text for people, in passing */
  say(text) {
    this.dispatchEvent(new CustomEvent('say', { detail: text }));
  }

  // --- the server ---------------------------------------------------------------------------

  /** @param {import('./wire.js').Frame} frame */
  #hear({ message, data }) {
    const [first] = data;
    switch (message) {
      case 'setRemoteSDP':
        return this.#onRemoteSdp(data[0], data[1]);
      case 'notifyIncomingCall':
        return this.#onIncoming(first);
      case 'notifyTryingResponse':
      case 'ring':
      case 'talk':
      case 'hold':
      case 'finish':
        return this.#find(first?.callId)?.onStatus(first);
      case 'callbox.media':
        return this.#find(first?.callId)?.onNews(first);
      case 'callbox.quality':
        return this.#find(first?.callId)?.onServerQuality(first);
      case 'callbox.offer':
        return void this.#find(first?.callId)?.onOffer(first.sdp);
      case 'callbox.answer':
        return void this.#find(first?.callId)?.onOffered(first.sdp);
      case 'callbox.refused':
        this.say(`The camera stays off: ${first?.reason ?? 'the server does not take it'}`);
        return void this.#find(first?.callId)?.onOffered(null);
      case 'callbox.callEnded':
        return this.#find(first?.callId)?.onEnded(first);
      case 'callbox.presence':
        this.users = (first?.users ?? []).filter((/** @type {PresentUser} */ user) => !user.you);
        this.more = first?.more ?? 0;
        this.knowsPresence = true;
        return this.#change();
      case 'fail':
        return this.#onFail(first);
      default:
        return undefined;
    }
  }

  /**
   * @param {string} id
   * @param {string} sdp
   */
  #onRemoteSdp(id, sdp) {
    const call = this.#find(id);
    if (call) return void call.onRemoteSdp(sdp);
    if (this.#offers.size >= MAX_OFFERS) this.#offers.delete(this.#offers.keys().next().value ?? '');
    return void this.#offers.set(id, sdp);
  }

  /** @param {import('./call.js').Notice} notice */
  #onIncoming(notice) {
    const offer = this.#offers.get(notice.callId);
    this.#offers.delete(notice.callId);
    const caller = notice.caller ?? '';
    const call = this.#adopt(new Call({
      id: notice.callId,
      direction: 'in',
      person: { name: caller, displayName: notice.visibleName || caller || 'Somebody' },
      video: notice.hasVideo === true,
      offer,
      send: (message, data) => this.session.send(message, data),
    }));
    // The line broke while it rang: the server rings anew, and the old call is no more.
    if (this.call?.lineLost && this.call.phase === 'incoming') {
      this.call.end({ sentence: 'The call rings anew.', code: 'rings_anew' });
    }
    if (!this.call) this.#enter(call);
    else if (!this.waiting) this.waiting = call;
    else call.hangup();
    this.#change();
  }

  /** @param {{ sentence?: string, info?: string }} fail */
  #onFail(fail) {
    const call = this.call;
    if (call?.holding) call.holding = false;
    this.say(fail?.sentence ?? `That did not work${fail?.info ? `: ${fail.info}` : ''}.`);
    this.#change();
  }

  #onSession() {
    const { state } = this.session;
    if (state === 'waiting') {
      this.call?.onLineLost();
      this.waiting?.onLineLost();
    }
    if (state === 'out') {
      const words = { sentence: 'You were signed out.', code: 'signed_out' };
      this.waiting?.end(words);
      this.call?.end(words);
      this.users = [];
      this.#offers.clear();
    }
    this.neighbours.signedInAs(this.session.signedIn ? this.session.me?.login ?? null : null);
    this.#change();
  }

  // --- calls --------------------------------------------------------------------------------

  /** @param {string | undefined} id */
  #find(id) {
    return [this.call, this.waiting].find((call) => call?.id === id) ?? null;
  }

  /** @param {Call} call */
  #enter(call) {
    this.call = call;
    this.ended = null;
    this.sameRoom = false;
    this.#roomDecided = false;
    this.#change();
  }

  /** @param {Call} call */
  #adopt(call) {
    call.addEventListener('change', () => this.#onCall(call));
    call.addEventListener('ended', () => this.#onEnded(call));
    return call;
  }

  /** @param {Call} call */
  #onCall(call) {
    if (call === this.call) {
      const me = this.session.me?.login;
      this.neighbours.inCall(call.talking && me
        ? { me, peer: call.person.name, answered: call.direction === 'in' }
        : null);
    }
    this.#change();
  }

  /** @param {Call} call */
  #onEnded(call) {
    remember(call);
    if (call === this.waiting) {
      this.waiting = null;
      this.say(call.sentence);
    } else if (call === this.call) {
      this.call = null;
      this.neighbours.inCall(null);
      const next = this.waiting;
      this.waiting = null;
      if (next) this.#enter(next);
      else if (call.code !== 'rings_anew') this.ended = call;
    }
    this.#change();
  }

  /** @param {boolean} found */
  #onPartner(found) {
    if (!this.call || found === this.sameRoom) return;
    this.sameRoom = found;
    // One of the two goes quiet, always the one that called.
    if (found && this.call.direction === 'out' && !this.#roomDecided) this.call.setDeafened(true);
    this.#change();
  }

  #heldCalls() {
    return [this.call, this.waiting].flatMap((call) => (call?.talking ? [call.id] : []));
  }

  /** @param {Promise<import('./session.js').Refusal | null>} signingIn */
  async #settle(signingIn) {
    this.refusal = null;
    this.ended = null;
    const refusal = await signingIn;
    this.refusal = refusal;
    this.#change();
    return refusal;
  }

  #change() {
    this.dispatchEvent(new Event('change'));
  }
}

/** How an incoming call may end unanswered without being missed. */
const TAKEN = new Set(['rejected', 'answered_elsewhere']);

/** @param {Call} call */
function remember(call) {
  if (call.code === 'rings_anew') return;
  rememberCall({
    name: call.person.name,
    displayName: call.person.displayName,
    direction: call.direction,
    video: call.video,
    at: call.startedAt,
    talkedMs: call.answeredAt ? Date.now() - call.answeredAt : 0,
    sentence: call.sentence,
    missed: call.direction === 'in' && !call.answeredAt && !TAKEN.has(call.code),
  });
}

/** `crypto.randomUUID` exists on encrypted pages only. */
function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
