// @ts-check
// Choosing microphone, camera and speaker; the level of the microphone as it is now.

import { byId, make, setText } from '../../shared/dom.js';
import { acquire, camera, devicesReachable, listDevices, microphone } from '../media.js';
import { troubleOf } from '../media-words.js';
import { chooseDevices, chosenDevices, setSingleKeys, singleKeys } from '../memory.js';
import { endTone, soundThrough } from '../tones.js';
import { levelMeter } from './level.js';
import { useSpeaker } from './stage.js';

/** @typedef {'camera' | 'microphone'} What */

/** @param {import('../phone.js').Phone} phone */
export function settingsSheet(phone) {
  const sheet = byId('settings', HTMLDialogElement);
  const preview = byId('settings-preview', HTMLVideoElement);
  const selects = {
    camera: byId('settings-camera', HTMLSelectElement),
    microphone: byId('settings-microphone', HTMLSelectElement),
    speaker: byId('settings-speaker', HTMLSelectElement),
  };
  const level = levelMeter(byId('settings-level'));
  /** Tracks that only this sheet uses. @type {Record<What, MediaStreamTrack | null>} */
  const tried = { camera: null, microphone: null };

  byId('settings-close').addEventListener('click', () => sheet.close());
  byId('settings-sound').addEventListener('click', () => endTone());
  byId('settings-allow').addEventListener('click', () => void tryOut());
  const keys = byId('settings-keys', HTMLInputElement);
  keys.checked = singleKeys();
  keys.addEventListener('change', () => setSingleKeys(keys.checked));
  sheet.addEventListener('close', () => stop());
  navigator.mediaDevices?.addEventListener('devicechange', () => {
    if (sheet.open) void list();
  });
  for (const what of /** @type {What[]} */ (['camera', 'microphone'])) {
    selects[what].addEventListener('change', () => void change(what, selects[what].value));
  }
  selects.speaker.addEventListener('change', () => {
    chooseDevices({ speaker: selects.speaker.value });
    void useSpeaker(byId('remote', HTMLVideoElement));
    void soundThrough(selects.speaker.value);
    endTone();
  });

  /** @param {string} words */
  function say(words) {
    const note = byId('settings-trouble');
    note.hidden = !words;
    setText(note, words);
  }

  async function open() {
    if (sheet.open) return;
    sheet.showModal();
    byId('settings-title').focus();
    say(devicesReachable() ? '' : troubleOf('microphone', 'insecure').sentence);
    await list();
    if (phone.call) show();
    else if (await allowed()) await tryOut();
  }

  async function list() {
    const devices = await listDevices();
    const { camera: cameraTrack, microphone: microphoneTrack } = current();
    const chosen = chosenDevices();
    fill(selects.camera, devices.cameras, cameraTrack?.getSettings().deviceId ?? chosen.camera, 'No camera found');
    fill(selects.microphone, devices.microphones, microphoneTrack?.getSettings().deviceId ?? chosen.microphone, 'No microphone found');
    fill(selects.speaker, devices.speakers, chosen.speaker, 'The speaker of the system');
    byId('settings-speaker-field').hidden = !('setSinkId' in HTMLMediaElement.prototype);
    byId('settings-allow').hidden = Boolean(phone.call || cameraTrack || microphoneTrack) || !devicesReachable();
  }

  /** Without a call: microphone and camera for this sheet alone. */
  async function tryOut() {
    const got = await acquire({ video: true });
    if (!sheet.open || phone.call) {
      got.audio?.stop();
      got.video?.stop();
      return;
    }
    tried.camera = got.video;
    tried.microphone = got.audio;
    say(got.troubles.map(({ sentence }) => sentence).join(' '));
    show();
    await list();
  }

  /**
   * @param {What} what
   * @param {string} deviceId
   */
  async function change(what, deviceId) {
    chooseDevices({ [what]: deviceId });
    if (phone.call) {
      const sending = what === 'microphone' || phone.call.peer.camera !== null;
      const trouble = sending ? await phone.call.changeDevice(what, deviceId) : null;
      say(trouble?.sentence ?? '');
    } else if (tried[what]) {
      tried[what]?.stop();
      try {
        tried[what] = await (what === 'camera' ? camera(deviceId) : microphone(deviceId));
        say('');
      } catch (error) {
        tried[what] = null;
        say(troubleOf(what, error).sentence);
      }
    }
    show();
  }

  function current() {
    const peer = phone.call?.peer;
    return peer ? { camera: peer.camera, microphone: peer.microphone } : tried;
  }

  function show() {
    const { camera: cameraTrack, microphone: microphoneTrack } = current();
    preview.hidden = !cameraTrack;
    preview.srcObject = cameraTrack ? new MediaStream([cameraTrack]) : null;
    level.watch(microphoneTrack);
  }

  function stop() {
    tried.camera?.stop();
    tried.microphone?.stop();
    tried.camera = tried.microphone = null;
    preview.srcObject = null;
    level.watch(null);
  }

  return {
    open: () => void open(),
    render() {
      // A call that comes takes the devices over.
      if (sheet.open && (phone.screen === 'incoming' || phone.screen === 'signed-out')) sheet.close();
    },
  };
}

/**
 * @param {HTMLSelectElement} select
 * @param {MediaDeviceInfo[]} devices
 * @param {string | undefined} chosen
 * @param {string} none
 */
function fill(select, devices, chosen, none) {
  select.replaceChildren(...devices.map(({ deviceId, label, kind }, at) => make('option', {
    value: deviceId, text: label || `${kind === 'videoinput' ? 'Camera' : kind === 'audioinput' ? 'Microphone' : 'Speaker'} ${at + 1}`,
  })));
  select.disabled = devices.length === 0;
  if (devices.length === 0) select.append(make('option', { text: none, value: '' }));
  if (chosen && devices.some(({ deviceId }) => deviceId === chosen)) select.value = chosen;
}

/** The browser has allowed the microphone before: no question comes. */
async function allowed() {
  const { microphones } = await listDevices();
  return microphones.some(({ label }) => label !== '');
}
