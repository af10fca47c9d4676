// @ts-check
// The media of one call: a peer connection to the server, our tracks, the far side's stream.
// What it begins with lasts for its life; everything else happens by exchanging tracks. But for a
// camera in a call that had no picture, which takes another offer and answer.

import { camera, microphone } from './media.js';

/** @typedef {import('./media.js').Acquired} Acquired */

export class Peer {
  /** What the far side sends. */
  remote = new MediaStream();
  /** What we send; for the self-view too. */
  local = new MediaStream();
  muted = false;
  held = false;

  #connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
  /** @type {RTCRtpSender | null} */
  #audio = null;
  /** @type {RTCRtpSender | null} */
  #video = null;
  #closed = false;
  #changed;
  #lost;

  /**
   * @param {() => void} changed tracks or the connection state are other than before
   * @param {(what: 'microphone' | 'camera') => void} lost a device of ours went away by itself
   */
  constructor(changed, lost) {
    this.#changed = changed;
    this.#lost = lost;
    this.#connection.addEventListener('track', ({ track }) => {
      this.remote.addTrack(track);
      changed();
    });
    this.#connection.addEventListener('connectionstatechange', changed);
  }

  /** `new`, `connecting`, `connected`, `disconnected`, `failed` or `closed`. */
  get state() {
    return this.#connection.connectionState;
  }

  get microphone() {
    return this.local.getAudioTracks()[0] ?? null;
  }

  get camera() {
    return this.local.getVideoTracks()[0] ?? null;
  }

  /** A microphone could be sent, now or later. */
  get carriesAudio() {
    return this.#audio !== null;
  }

  /** A camera could be sent, now or later. */
  get carriesVideo() {
    return this.#video !== null;
  }

  /** The far side may send a picture, now or later. */
  get expectsVideo() {
    const transceiver = this.#connection.getTransceivers().find(({ receiver }) => receiver.track.kind === 'video');
    return /recv/.test(transceiver?.currentDirection ?? '');
  }

  get closed() {
    return this.#closed;
  }

  /** What we have offered and nobody has answered. */
  get pendingOffer() {
    const { signalingState, localDescription } = this.#connection;
    return signalingState === 'have-local-offer' ? localDescription?.sdp ?? null : null;
  }

  /**
   * Our offer. It is complete at once: the server needs no candidates of ours.
   * @param {Acquired} got
   * @param {boolean} video
   */
  async offer(got, video) {
    this.#take(got);
    const { sender: audio } = this.#connection.addTransceiver(got.audio ?? 'audio', {
      direction: got.audio ? 'sendrecv' : 'recvonly',
      streams: [this.local],
    });
    if (got.audio) this.#audio = audio;
    if (video) {
      const direction = cameraDirection(got);
      const { sender } = this.#connection.addTransceiver(got.video ?? 'video', { direction, streams: [this.local] });
      if (direction === 'sendrecv') this.#video = sender;
    }
    return this.#describe(await this.#connection.createOffer());
  }

  /**
   * Our answer to the server's offer.
   * @param {string} sdp
   * @param {Acquired} got without a camera the picture of the far side is received all the same
   */
  async answer(sdp, got) {
    this.#take(got);
    await this.#connection.setRemoteDescription({ type: 'offer', sdp });
    for (const transceiver of this.#connection.getTransceivers()) {
      const { sender, receiver } = transceiver;
      const audio = receiver.track.kind === 'audio';
      const track = audio ? got.audio : got.video;
      transceiver.direction = audio ? (track ? 'sendrecv' : 'recvonly') : cameraDirection(got);
      sender.setStreams?.(this.local);
      if (track) await sender.replaceTrack(track);
      if (transceiver.direction !== 'sendrecv') continue;
      if (audio) this.#audio = sender;
      else this.#video = sender;
    }
    return this.#describe(await this.#connection.createAnswer());
  }

  /** @param {string} sdp the server's answer */
  async accept(sdp) {
    await this.#connection.setRemoteDescription({ type: 'answer', sdp });
  }

  /**
   * Our offer to send a camera where no picture was agreed.
   * @param {MediaStreamTrack} track
   */
  async offerCamera(track) {
    this.#add(track);
    this.#gate();
    // Unlike a transceiver of our own making it is what an offer that crosses ours brings, too.
    this.#video = this.#connection.addTrack(track, this.local);
    return this.#describe(await this.#connection.createOffer());
  }

  /**
   * The server's answer to that. False if there is to be no picture.
   * @param {string} sdp
   */
  async acceptCamera(sdp) {
    if (!this.pendingOffer) return true;
    await this.accept(sdp);
    if (!refusesVideo(sdp)) return true;
    await this.#loseVideo();
    return false;
  }

  /** The server takes no offer of ours: all is as it was before. */
  async withdrawCamera() {
    if (this.pendingOffer) await this.#connection.setLocalDescription({ type: 'rollback' });
    this.#connection.getTransceivers().find(({ sender }) => sender === this.#video)?.stop();
    await this.#loseVideo();
  }

  /**
   * Our answer to what the server offers anew. An offer of ours that it crosses is given up by that.
   * @param {string} sdp
   */
  async reply(sdp) {
    await this.#connection.setRemoteDescription({ type: 'offer', sdp });
    for (const transceiver of this.#connection.getTransceivers()) {
      const { sender, receiver, currentDirection } = transceiver;
      if (receiver.track.kind !== 'video' || currentDirection !== null) continue;
      // Its camera may come later, without another offer.
      transceiver.direction = 'sendrecv';
      sender.setStreams?.(this.local);
      this.#video = sender;
    }
    if (refusesVideo(sdp)) await this.#loseVideo();
    return this.#describe(await this.#connection.createAnswer());
  }

  async #loseVideo() {
    await this.dropCamera().catch(() => {});
    this.#video = null;
    this.#changed();
  }

  /** @param {boolean} muted */
  setMuted(muted) {
    this.muted = muted;
    this.#gate();
  }

  /**
   * On hold nothing leaves the page either, although the server stops it anyway.
   * @param {boolean} held
   */
  setHeld(held) {
    this.held = held;
    this.#gate();
  }

  /** Lets the camera go, its light with it. */
  async dropCamera() {
    const track = this.camera;
    if (track) {
      this.local.removeTrack(track);
      track.stop();
    }
    await this.#video?.replaceTrack(null);
    this.#changed();
  }

  /**
   * Starts the camera, or changes to another. Rejects as `getUserMedia` does.
   * @param {string} [deviceId]
   */
  async useCamera(deviceId) {
    // Many cameras cannot be open twice: the old one goes first.
    await this.dropCamera();
    await this.#adopt(await camera(deviceId), this.#video);
  }

  /**
   * Changes to another microphone. Rejects as `getUserMedia` does.
   * @param {string} [deviceId]
   */
  async useMicrophone(deviceId) {
    const fresh = await microphone(deviceId);
    const old = this.microphone;
    if (old) {
      this.local.removeTrack(old);
      old.stop();
    }
    await this.#adopt(fresh, this.#audio);
  }

  /** How loud the far side is just now, 0 to 1. */
  get voice() {
    const receiver = this.#connection.getReceivers().find(({ track }) => track.kind === 'audio');
    return receiver?.getSynchronizationSources()[0]?.audioLevel ?? 0;
  }

  stats() {
    return this.#connection.getStats();
  }

  close() {
    this.#closed = true;
    for (const track of this.local.getTracks()) track.stop();
    this.#connection.close();
  }

  /** @param {Acquired} got */
  #take({ audio, video }) {
    for (const track of [audio, video]) if (track) this.#add(track);
    this.#gate();
  }

  /**
   * @param {MediaStreamTrack} track
   * @param {RTCRtpSender | null} sender
   */
  async #adopt(track, sender) {
    if (this.#closed) return track.stop();
    this.#add(track);
    this.#gate();
    await sender?.replaceTrack(track);
    return this.#changed();
  }

  /** @param {MediaStreamTrack} track */
  #add(track) {
    this.local.addTrack(track);
    // It was pulled out, or taken away in the browser's own controls.
    track.addEventListener('ended', () => {
      this.local.removeTrack(track);
      this.#lost(track.kind === 'audio' ? 'microphone' : 'camera');
    });
  }

  #gate() {
    if (this.microphone) this.microphone.enabled = !this.muted && !this.held;
    if (this.camera) this.camera.enabled = !this.held;
  }

  /** @param {RTCSessionDescriptionInit} description */
  async #describe(description) {
    await this.#connection.setLocalDescription(description);
    return this.#connection.localDescription?.sdp ?? description.sdp ?? '';
  }
}

/** @param {string} sdp */
function refusesVideo(sdp) {
  return /^m=video 0 /m.test(sdp);
}

/**
 * Where there is a camera at all it may come later, and the one negotiation has to allow it.
 * @param {Acquired} got
 * @returns {RTCRtpTransceiverDirection}
 */
function cameraDirection({ video, troubles }) {
  if (video) return 'sendrecv';
  const none = troubles.some(({ what, why }) => what === 'camera' && why === 'missing') || troubles.some(({ why }) => why === 'insecure');
  return none ? 'recvonly' : 'sendrecv';
}
