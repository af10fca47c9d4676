// @ts-check
// The stage: the far side's picture, or its person while there is none, and our own in a corner.

import { byId, setMonogram, setText } from '../../shared/dom.js';
import { chosenDevices } from '../memory.js';
import { tellsMore } from '../names.js';
import { selfView } from './selfview.js';
import { voiceRing } from './voice.js';

/** Without a new frame for so long the picture counts as gone. */
const STALE_MS = 2_500;
const LOOK_MS = 1_000;

/** @param {import('../phone.js').Phone} phone */
export function stage(phone) {
  const box = byId('stage');
  const remote = byId('remote', HTMLVideoElement);
  const own = selfView();
  const voice = voiceRing();
  /** When the last frame was shown, as by `performance.now()`. */
  let frameAt = 0;
  /** @type {MediaStream | null} */
  let watched = null;

  watchFrames();
  setInterval(() => {
    if (phone.call?.answeredAt) render();
  }, LOOK_MS);

  function watchFrames() {
    if (!('requestVideoFrameCallback' in remote)) {
      // Old browsers: a picture with a size counts as one that moves.
      /** @type {HTMLElement} */ (remote).addEventListener('timeupdate', () => {
        if (/** @type {HTMLVideoElement} */ (remote).videoWidth > 0) frame();
      });
      return;
    }
    const next = () => {
      frame();
      remote.requestVideoFrameCallback(next);
    };
    remote.requestVideoFrameCallback(next);
  }

  function frame() {
    const first = performance.now() - frameAt > STALE_MS;
    frameAt = performance.now();
    if (first) render();
  }

  /** @param {import('../call.js').Call} call */
  function play(call) {
    const stream = call.peer.remote;
    if (watched !== stream) {
      watched = stream;
      frameAt = 0;
      remote.srcObject = stream;
      void useSpeaker(remote);
    }
    remote.muted = call.deafened || call.held;
    if (stream.getTracks().length > 0 && remote.paused && !call.soundBlocked) {
      remote.play().then(() => call.setSoundBlocked(false), (error) => {
        if (error.name === 'NotAllowedError') call.setSoundBlocked(true);
      });
    }
  }

  function render() {
    const { call } = phone;
    if (!call) {
      if (watched) remote.srcObject = null;
      watched = null;
      own.show(null);
      voice.watch(null);
      return;
    }
    play(call);
    const fresh = performance.now() - frameAt < STALE_MS;
    const paused = call.held || call.heldByPeer;
    const picture = call.talking && fresh && !paused;
    box.dataset.picture = picture ? 'on' : 'off';
    box.dataset.phase = call.talking ? 'talking' : call.phase;
    box.dataset.held = String(paused);
    byId('stage-person').hidden = picture;
    setMonogram(byId('stage-monogram'), call.person.displayName);
    const words = wordsOf(call);
    setText(byId('stage-words'), words.main);
    setText(byId('stage-hint'), words.hint);
    own.show(call.peer.camera && !call.held ? call.peer.local : null);
    voice.watch(call.talking && !picture && !paused ? call : null);
  }

  return { render };
}

/**
 * The words below the person while there is no picture.
 * @param {import('../call.js').Call} call
 */
function wordsOf(call) {
  const who = call.person.displayName;
  switch (call.phase) {
    case 'starting':
    case 'trying':
      return { main: `Calling ${who}`, hint: '' };
    case 'ringing':
      return { main: `Ringing ${who}`, hint: '' };
    case 'incoming':
      return { main: `${who} is calling`, hint: tellsMore(call.person.name, who) ? call.person.name : '' };
    case 'answering':
      return { main: 'Connecting…', hint: '' };
    default:
  }
  if (call.held) return { main: `${who} is on hold`, hint: 'Nothing is sent or heard. Resume when you are ready.' };
  if (call.heldByPeer) return { main: `${who} put you on hold`, hint: `${who} neither hears nor sees you until the call is resumed.` };
  if (!call.video || call.news?.video === null) return { main: who, hint: '' };
  if (!call.peer.expectsVideo) return { main: who, hint: `${who} has no camera to show.` };
  const arrives = call.quality?.pictureArrives;
  if (call.quality && !arrives) return { main: who, hint: call.quality.level === 'silent' ? 'Nothing arrives at the moment.' : `${who}’s camera is off.` };
  return { main: who, hint: 'The picture is coming…' };
}

/** @param {HTMLMediaElement} element */
export async function useSpeaker(element) {
  const { speaker } = chosenDevices();
  if (!speaker || !('setSinkId' in element)) return;
  try {
    await element.setSinkId(speaker);
  } catch {
    // It is gone: the default one plays.
  }
}
