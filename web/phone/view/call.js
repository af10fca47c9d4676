// @ts-check
// The call that is on: its head, its notes and its controls.

import { byId, make, setIcon, setText } from '../../shared/dom.js';
import { clock } from '../../shared/format.js';
import { notesOf } from './notes.js';
import { stage } from './stage.js';

/**
 * @param {import('../phone.js').Phone} phone
 * @param {{ settings: { open: () => void }, transfer: { open: () => void },
 *   details: { open: () => void }, keypad: { toggle: () => void } }} sheets
 */
export function callView(phone, sheets) {
  const picture = stage(phone);
  const view = byId('view-call');
  let drawnNotes = '';

  /** @param {string} id @param {() => unknown} act */
  const click = (id, act) => byId(id).addEventListener('click', () => void act());
  click('decline', () => phone.call?.hangup());
  click('hangup', () => phone.call?.hangup());
  click('answer', () => phone.call?.answer({ camera: true }));
  click('answer-audio', () => phone.call?.answer({ camera: false }));
  click('mute', () => phone.call?.setMuted(!phone.call.peer.muted));
  click('camera', () => phone.call?.toggleCamera());
  click('hold', () => phone.call?.toggleHold());
  click('keypad-open', () => sheets.keypad.toggle());
  click('transfer-open', () => sheets.transfer.open());
  click('call-settings', () => sheets.settings.open());
  click('quality', () => sheets.details.open());
  click('fullscreen', () => toggleFullscreen(view));
  byId('fullscreen').hidden = !document.fullscreenEnabled;
  document.addEventListener('fullscreenchange', () => {
    const full = document.fullscreenElement === view;
    setIcon(byId('fullscreen'), full ? 'fullscreen-exit' : 'fullscreen');
    name(byId('fullscreen'), full ? 'Leave full screen' : 'Full screen', 'F');
  });
  setInterval(() => {
    if (phone.call?.answeredAt) renderTimer();
  }, 500);

  function renderTimer() {
    const since = phone.call?.answeredAt ?? 0;
    byId('call-timer').hidden = since === 0;
    if (since) setText(byId('call-timer'), clock(Date.now() - since));
  }

  function renderHead() {
    const { call } = phone;
    if (!call) return;
    setText(byId('call-name'), call.person.displayName);
    setText(byId('call-status'), statusOf(call));
    byId('call-status').hidden = !statusOf(call);
    renderTimer();
    const quality = byId('quality');
    const reading = call.talking && !call.held && !call.heldByPeer ? call.quality : null;
    quality.hidden = !reading;
    quality.dataset.level = reading?.level ?? '';
    setText(byId('quality-words'), reading?.words ?? '');
  }

  function renderControls() {
    const { call, screen } = phone;
    if (!call) return;
    const incoming = screen === 'incoming';
    byId('controls-incoming').hidden = !incoming;
    byId('controls-call').hidden = incoming;
    const answerable = call.phase === 'incoming';
    for (const id of ['answer', 'answer-audio']) disable(id, !answerable);
    byId('answer-audio').hidden = !call.video;
    setIcon(byId('answer'), call.video ? 'video' : 'phone');

    const talking = call.talking;
    const { muted, microphone, camera, carriesVideo } = call.peer;
    press('mute', muted, muted ? 'Unmute' : 'Mute', 'M', muted ? 'mic-off' : 'mic');
    disable('mute', !microphone);
    press('camera', camera !== null, camera ? 'Camera off' : 'Camera on', 'V', camera ? 'video' : 'video-off');
    // A call without a picture gets one as soon as somebody turns on a camera.
    byId('camera').hidden = !call.video && !talking;
    disable('camera', (!carriesVideo && !talking) || call.cameraStarting || call.held);
    press('hold', call.held, call.held ? 'Resume' : 'Hold', 'H', call.held ? 'play' : 'pause');
    disable('hold', !talking || call.holding);
    for (const id of ['hold', 'keypad-open', 'transfer-open']) byId(id).hidden = !call.answeredAt;
    for (const id of ['keypad-open', 'transfer-open']) disable(id, !talking);
    const end = call.answeredAt ? 'Hang up' : 'Cancel';
    setText(label('hangup'), end);
    name(byId('hangup'), end, call.answeredAt ? 'Esc twice' : 'Esc');
    disable('hangup', call.phase === 'ending');
  }

  function renderNotes() {
    const notes = notesOf(phone);
    const drawn = JSON.stringify(notes.map(({ id, text, actions }) => [id, text, actions?.map((action) => action.label)]));
    if (drawn === drawnNotes) return;
    drawnNotes = drawn;
    byId('call-notes').replaceChildren(...notes.map(({ id, kind, text, actions = [] }) => make('div', { class: 'note', data: { testid: `note-${id}`, kind } },
      make('p', { text }),
      ...actions.map((action) => make('button', {
        class: 'button button--plain', type: 'button', text: action.label,
        data: { testid: `note-${id}-${action.id}` }, on: { click: () => void action.run() },
      })))));
  }

  return {
    render() {
      if (!phone.call) {
        drawnNotes = '';
        byId('call-notes').replaceChildren();
        if (document.fullscreenElement) void document.exitFullscreen();
      }
      renderHead();
      renderControls();
      renderNotes();
      picture.render();
    },
  };
}

/** @param {import('../call.js').Call} call */
function statusOf(call) {
  if (call.asking) return 'Your browser asks for the microphone and camera: allow them';
  switch (call.phase) {
    case 'starting':
    case 'trying':
      return 'Calling…';
    case 'ringing':
      return 'Ringing…';
    case 'incoming':
      return call.video ? 'Video call' : 'Voice call';
    case 'answering':
      return 'Connecting…';
    case 'ending':
      return 'Hanging up…';
    default:
      if (call.held) return 'On hold';
      if (call.heldByPeer) return 'Put you on hold';
      return call.peer.state === 'connected' ? '' : 'Connecting sound and picture…';
  }
}

/** @param {HTMLElement} view */
function toggleFullscreen(view) {
  return document.fullscreenElement ? document.exitFullscreen() : view.requestFullscreen();
}

/**
 * @param {string} id
 * @param {boolean} disabled
 */
function disable(id, disabled) {
  byId(id, HTMLButtonElement).disabled = disabled;
}

/**
 * @param {string} id
 * @param {boolean} pressed
 * @param {string} words what a click does
 * @param {string} key
 * @param {string} drawing
 */
function press(id, pressed, words, key, drawing) {
  const button = byId(id);
  button.setAttribute('aria-pressed', String(pressed));
  setText(label(id), words);
  name(button, words, key);
  setIcon(button, drawing);
}

/** @param {string} id */
function label(id) {
  return /** @type {Element} */ (byId(id).querySelector('.control__label'));
}

/**
 * @param {HTMLElement} button
 * @param {string} words
 * @param {string} key
 */
function name(button, words, key) {
  button.title = `${words} (${key})`;
  if (button.getAttribute('aria-label')) button.setAttribute('aria-label', words);
}
