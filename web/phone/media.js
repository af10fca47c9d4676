// @ts-check
// Microphone and camera: as much of them as can be had. What cannot be had is said in words and
// fails no call.

import { chosenDevices } from './memory.js';
import { troubleOf } from './media-words.js';

/**
 * @typedef {import('./media-words.js').Trouble} Trouble
 * @typedef {{ audio: MediaStreamTrack | null, video: MediaStreamTrack | null,
 *   troubles: Trouble[] }} Acquired
 */

/** False on a plain http page of another machine: the browser hides its devices there. */
export function devicesReachable() {
  return Boolean(navigator.mediaDevices?.getUserMedia);
}

/**
 * Asks for a microphone and, with `video`, a camera. Never rejects.
 * @param {{ video: boolean }} wanted
 * @returns {Promise<Acquired>}
 */
export async function acquire({ video }) {
  if (!devicesReachable()) {
    return { audio: null, video: null, troubles: [troubleOf('microphone', 'insecure')] };
  }
  try {
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: audioConstraints(),
      video: video && videoConstraints(),
    });
    return taken(stream, []);
  } catch (error) {
    if (!video) return { audio: null, video: null, troubles: [troubleOf('microphone', error)] };
    return acquireApart();
  }
}

/** One of the two fails: take the other. */
async function acquireApart() {
  const audio = await attempt('microphone', () => microphone());
  const video = await attempt('camera', () => camera());
  return {
    audio: audio.track,
    video: video.track,
    troubles: [audio.trouble, video.trouble].filter((trouble) => trouble !== null),
  };
}

/**
 * @param {'microphone' | 'camera'} what
 * @param {() => Promise<MediaStreamTrack>} take
 */
async function attempt(what, take) {
  try {
    return { track: await take(), trouble: null };
  } catch (error) {
    return { track: null, trouble: troubleOf(what, error) };
  }
}

/**
 * A microphone, the chosen one unless another is named. Rejects as `getUserMedia` does.
 * @param {string} [deviceId]
 */
export async function microphone(deviceId) {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: audioConstraints(deviceId) });
  return stream.getAudioTracks()[0];
}

/**
 * A camera, the chosen one unless another is named. Rejects as `getUserMedia` does.
 * @param {string} [deviceId]
 */
export async function camera(deviceId) {
  const stream = await navigator.mediaDevices.getUserMedia({ video: videoConstraints(deviceId) });
  return hinted(stream.getVideoTracks()[0]);
}

/**
 * What is plugged in, by kind. Labels are empty until the browser was allowed to use one.
 */
export async function listDevices() {
  const devices = devicesReachable() ? await navigator.mediaDevices.enumerateDevices() : [];
  /** @param {MediaDeviceKind} kind */
  const of = (kind) => devices.filter((device) => device.kind === kind && device.deviceId !== '');
  return { microphones: of('audioinput'), cameras: of('videoinput'), speakers: of('audiooutput') };
}

/**
 * @param {MediaStream} stream
 * @param {Trouble[]} troubles
 * @returns {Acquired}
 */
function taken(stream, troubles) {
  return {
    audio: stream.getAudioTracks()[0] ?? null,
    video: hinted(stream.getVideoTracks()[0] ?? null),
    troubles,
  };
}

/**
 * People move: keep the frame rate rather than the sharpness.
 * @template {MediaStreamTrack | null} T
 * @param {T} track
 * @returns {T}
 */
function hinted(track) {
  if (track && 'contentHint' in track) track.contentHint = 'motion';
  return track;
}

/**
 * @param {string} [exact]
 * @returns {MediaTrackConstraints}
 */
function audioConstraints(exact) {
  return {
    ...which(exact, chosenDevices().microphone),
    echoCancellation: true,
    noiseSuppression: true,
    autoGainControl: true,
  };
}

/**
 * @param {string} [exact]
 * @returns {MediaTrackConstraints}
 */
function videoConstraints(exact) {
  return {
    ...which(exact, chosenDevices().camera),
    width: { ideal: 1280, max: 1280 },
    height: { ideal: 720, max: 720 },
    frameRate: { ideal: 30, max: 30 },
  };
}

/**
 * @param {string | undefined} exact
 * @param {string | undefined} usual
 * @returns {MediaTrackConstraints}
 */
function which(exact, usual) {
  if (exact) return { deviceId: { exact } };
  return usual ? { deviceId: { ideal: usual } } : {};
}
