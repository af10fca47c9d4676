// @ts-check
// One call as this page lives it: what the server says of it, and what its person does.

import { acquire, camera } from './media.js';
import { changeTrouble, troubleOf } from './media-words.js';
import { wordsFor } from './end-words.js';
import { Peer } from './peer.js';
import { QualityMeter } from './quality.js';

/** How long `finish` may take after `hangup`. */
const FINISH_MS = 2_500;
/** How long the server may take to name a call again after the line was mended. */
const RECALL_MS = 4_000;

/**
 * @typedef {'starting' | 'trying' | 'ringing' | 'incoming' | 'answering' | 'talking' | 'ending'
 *   | 'ended'} Phase
 * @typedef {{ name: string, displayName: string }} Person
 * @typedef {{ callId: string, status: string, caller?: string, callee?: string, visibleName?: string,
 *   hasVideo?: boolean, info?: string, sentence?: string }} Notice
 * @typedef {{ audio: string | null, video: string | null, video_reason: string | null,
 *   ready: boolean, remote_held: boolean }} MediaNews
 * @typedef {(message: string, data: unknown) => boolean} Send
 */

export class Call extends EventTarget {
  /** @type {Phase} */
  phase;
  /** When it was answered, as by `Date.now()`. */
  answeredAt = 0;
  startedAt = Date.now();
  /** We hold it. */
  held = false;
  /** A hold or resume is on its way. */
  holding = false;
  /** The far side holds it. */
  heldByPeer = false;
  /** A camera is being started. */
  cameraStarting = false;
  /** The browser asks its person for permission. */
  asking = false;
  /** Neither microphone nor speaker is on, because the far side is in the same room. */
  deafened = false;
  /** The browser wants a click before it plays sound. */
  soundBlocked = false;
  /** Sound of the far side comes before it answers. */
  early = false;
  /** The line broke while it was on. */
  lineLost = false;
  /** @type {MediaNews | null} */
  news = null;
  /** @type {import('./media-words.js').Trouble[]} */
  troubles = [];
  /** Why it ended, for people. */
  sentence = '';
  /** @type {string} */
  code = '';
  /** @type {import('./quality.js').Reading | null} */
  quality = null;
  /** Who is not heard though the other side is, and why: a sentence, or nothing. */
  alarm = '';
  /** @type {Peer} */
  peer;

  #send;
  #meter;
  /** @type {string | null} */
  #offer;
  #answerTaken = false;
  /** Descriptions after the first, one after another. */
  #exchange = Promise.resolve();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #deadline;

  /**
   * @param {{ id: string, direction: 'in' | 'out', person: Person, video: boolean,
   *   offer?: string, send: Send }} options
   */
  constructor({ id, direction, person, video, offer, send }) {
    super();
    this.id = id;
    this.direction = direction;
    this.person = person;
    this.video = video;
    this.phase = direction === 'in' ? 'incoming' : 'starting';
    this.#offer = offer ?? null;
    this.#send = send;
    this.peer = new Peer(() => this.#change(), (what) => {
      this.troubles.push(troubleOf(what, 'gone'));
      this.#change();
    });
    this.#meter = new QualityMeter(() => this.peer.stats(), person.displayName, (reading) => {
      this.quality = reading;
      this.#change();
    });
  }

  get over() {
    return this.phase === 'ended';
  }

  get talking() {
    return this.phase === 'talking';
  }

  /** The server knows of it. */
  get known() {
    return !['starting', 'ended'].includes(this.phase);
  }

  /**
   * Places the call.
   * @param {string} caller
   * @param {string} visibleName
   */
  async start(caller, visibleName) {
    const got = await this.#acquire(this.video);
    if (!got) return;
    let sdp;
    try {
      sdp = await this.peer.offer(got, this.video);
    } catch (error) {
      return this.#failHere(error);
    }
    if (this.peer.closed) return;
    const sent = this.#send('call', {
      callId: this.id,
      incoming: false,
      status: 'PENDING',
      mediaProvider: 'WebRTC',
      caller,
      callee: this.person.name,
      visibleName,
      hasAudio: got.audio !== null,
      hasVideo: got.video !== null,
      sdp,
    });
    if (!sent) this.end({ sentence: 'The connection to the server is broken. Call again when it is back.', code: 'offline' });
    else this.#enter('trying');
  }

  /**
   * Takes an incoming call.
   * @param {{ camera: boolean }} how
   */
  async answer({ camera }) {
    if (this.phase !== 'incoming' || !this.#offer) return;
    this.#enter('answering');
    const got = await this.#acquire(this.video && camera);
    if (!got) return;
    try {
      const sdp = await this.peer.answer(this.#offer, got);
      // Hung up meanwhile.
      if (this.peer.closed) return;
      this.#send('answer', {
        callId: this.id,
        incoming: true,
        status: 'PENDING',
        mediaProvider: 'WebRTC',
        callee: this.person.name,
        hasAudio: got.audio !== null,
        hasVideo: got.video !== null,
        sdp,
      });
    } catch (error) {
      this.#failHere(error);
    }
  }

  /** Cancels, declines or hangs up: whatever the moment calls for. */
  hangup() {
    if (this.over || this.phase === 'ending') return;
    const words = this.talking
      ? { sentence: 'You hung up.', code: 'hung_up' }
      : this.direction === 'in'
        ? { sentence: 'You declined the call.', code: 'rejected' }
        : { sentence: 'You cancelled the call.', code: 'cancelled' };
    const sent = this.known && this.#send('hangup', { callId: this.id });
    this.peer.close();
    this.#meter.stop();
    if (!sent) return void this.end(words);
    this.#enter('ending');
    this.#deadline = setTimeout(() => this.end(words), FINISH_MS);
  }

  toggleHold() {
    if (!this.talking || this.holding) return;
    this.holding = this.#send(this.held ? 'unhold' : 'hold', { callId: this.id });
    this.#change();
  }

  /** @param {boolean} muted */
  setMuted(muted) {
    this.peer.setMuted(muted);
    if (!muted) this.deafened = false;
    this.#change();
  }

  async toggleCamera() {
    if (this.cameraStarting || (!this.peer.carriesVideo && !this.talking)) return;
    if (this.peer.camera) {
      await this.peer.dropCamera();
      return;
    }
    this.cameraStarting = true;
    this.#change();
    await (this.peer.carriesVideo ? this.changeDevice('camera') : this.#addCamera());
    this.cameraStarting = false;
    this.#change();
  }

  /** A camera in a call that had no picture: the other side has to agree. */
  async #addCamera() {
    this.troubles = this.troubles.filter(({ what }) => what !== 'camera');
    try {
      const track = await camera();
      await this.#inTurn(async () => {
        // Hung up meanwhile, or the other side was faster.
        if (this.peer.closed) return track.stop();
        if (this.peer.carriesVideo) {
          track.stop();
          return this.peer.useCamera();
        }
        const sdp = await this.peer.offerCamera(track);
        if (!this.#send('callbox.offer', { callId: this.id, sdp })) await this.peer.withdrawCamera();
        return undefined;
      });
    } catch (error) {
      this.troubles.push(troubleOf('camera', error));
    }
  }

  /**
   * Takes another microphone or camera. Gives what went wrong, in words.
   * @param {'microphone' | 'camera'} what
   * @param {string} [deviceId]
   */
  async changeDevice(what, deviceId) {
    this.troubles = this.troubles.filter((trouble) => trouble.what !== what);
    try {
      await (what === 'camera' ? this.peer.useCamera(deviceId) : this.peer.useMicrophone(deviceId));
      return null;
    } catch (error) {
      if (this.peer[what]) return changeTrouble(what, error);
      const trouble = troubleOf(what, error);
      this.troubles.push(trouble);
      this.#change();
      return trouble;
    }
  }

  /** @param {boolean} deafened neither hear nor be heard */
  setDeafened(deafened) {
    this.deafened = deafened;
    this.peer.setMuted(deafened);
    this.#change();
  }

  /** @param {boolean} blocked */
  setSoundBlocked(blocked) {
    if (this.soundBlocked === blocked) return;
    this.soundBlocked = blocked;
    this.#change();
  }

  /** @param {string} key */
  press(key) {
    return this.#send('sendDtmf', { callId: this.id, type: 'RFC2833', dtmf: key });
  }

  /** @param {string} target */
  transfer(target) {
    return this.#send('transfer', { callId: this.id, target });
  }

  // --- what the server says -----------------------------------------------------------------

  /** @param {string} sdp */
  async onRemoteSdp(sdp) {
    if (this.direction !== 'out' || this.#answerTaken || this.peer.closed) return;
    this.#answerTaken = true;
    try {
      await this.peer.accept(sdp);
    } catch (error) {
      this.#failHere(error);
    }
  }

  /**
   * The server offers what the other side shows now.
   * @param {string} sdp
   */
  onOffer(sdp) {
    return this.#inTurn(async () => {
      if (this.peer.closed) return;
      try {
        const answer = await this.peer.reply(sdp);
        this.#send('callbox.answer', { callId: this.id, sdp: answer });
      } catch {
        this.#send('callbox.answer', { callId: this.id });
      }
      this.video = this.peer.carriesVideo || this.peer.expectsVideo;
      this.#change();
    });
  }

  /**
   * What became of our offer: the answer, or nothing.
   * @param {string | null} sdp
   */
  onOffered(sdp) {
    return this.#inTurn(async () => {
      if (this.peer.closed || !this.peer.pendingOffer) return;
      if (sdp === null || !(await this.peer.acceptCamera(sdp))) await this.peer.withdrawCamera();
      this.video = this.peer.carriesVideo || this.peer.expectsVideo;
      this.#change();
    });
  }

  /** @param {Notice} notice */
  onStatus(notice) {
    if (this.over) return;
    this.#named();
    switch (notice.status) {
      case 'RING':
      case 'RING_MEDIA':
      case 'SESSION_PROGRESS':
        this.early ||= notice.status === 'RING_MEDIA';
        if (this.phase === 'trying') this.#enter('ringing');
        break;
      case 'ESTABLISHED':
        this.#onTalk(false);
        break;
      case 'HOLD':
        this.#onTalk(true);
        break;
      case 'FINISH':
      case 'BUSY':
      case 'FAILED':
        this.end({ sentence: notice.sentence ?? wordsFor(notice, this.person), code: notice.status.toLowerCase() });
        break;
      default:
    }
  }

  /** @param {MediaNews} news */
  onNews(news) {
    this.#named();
    this.news = news;
    this.heldByPeer = news.remote_held === true;
    this.#change();
  }

  /** @param {import('./quality.js').ServerQuality} quality */
  onServerQuality(quality) {
    this.#meter.serverSays(quality);
    const alarm = quality.alarm ?? '';
    if (alarm === this.alarm) return;
    this.alarm = alarm;
    this.#change();
  }

  /** @param {{ sentence?: string, code?: string }} ended just before the terminal status */
  onEnded({ sentence, code }) {
    if (!sentence) return;
    this.sentence = sentence;
    this.code = code ?? '';
  }

  onLineLost() {
    this.lineLost = true;
    clearTimeout(this.#deadline);
    this.#change();
  }

  /** The line is back: the server says soon what became of the call, or has forgotten it. */
  onLineBack() {
    if (!this.lineLost) return;
    const sdp = this.peer.pendingOffer;
    if (sdp && this.talking) this.#send('callbox.offer', { callId: this.id, sdp });
    this.#deadline = setTimeout(() => {
      this.end({ sentence: 'The connection to the server was lost, and the call with it. Call again.', code: 'line_lost' });
    }, RECALL_MS);
  }

  /** @param {{ sentence: string, code: string }} why */
  end({ sentence, code }) {
    if (this.over) return;
    clearTimeout(this.#deadline);
    this.sentence ||= sentence;
    this.code ||= code;
    this.#meter.stop();
    this.peer.close();
    this.#enter('ended');
    this.dispatchEvent(new Event('ended'));
  }

  /** @param {boolean} held */
  #onTalk(held) {
    if (this.phase === 'ending') return;
    if (!this.talking) {
      this.answeredAt = Date.now();
      this.#meter.start();
      this.phase = 'talking';
    }
    this.held = held;
    this.holding = false;
    this.peer.setHeld(held);
    this.#change();
  }

  /** @param {() => Promise<void> | void} step */
  #inTurn(step) {
    const done = this.#exchange.then(step);
    this.#exchange = done.catch(() => {});
    return done;
  }

  /** The server still knows it. */
  #named() {
    if (!this.lineLost) return;
    this.lineLost = false;
    clearTimeout(this.#deadline);
  }

  /**
   * @param {boolean} video
   * @returns {Promise<import('./media.js').Acquired | null>} null if the call ended meanwhile
   */
  async #acquire(video) {
    const slow = setTimeout(() => {
      this.asking = true;
      this.#change();
    }, 700);
    const got = await acquire({ video });
    clearTimeout(slow);
    this.asking = false;
    this.troubles = got.troubles;
    if (this.phase === 'starting' || this.phase === 'answering') return got;
    got.audio?.stop();
    got.video?.stop();
    return null;
  }

  /** @param {unknown} error */
  #failHere(error) {
    const what = error instanceof Error ? error.message : String(error);
    if (this.known) this.#send('hangup', { callId: this.id });
    this.end({ sentence: `This browser could not set up the call: ${what}`, code: 'browser' });
  }

  /** @param {Phase} phase */
  #enter(phase) {
    this.phase = phase;
    this.#change();
  }

  #change() {
    this.dispatchEvent(new Event('change'));
  }
}
