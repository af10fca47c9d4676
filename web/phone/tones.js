// @ts-check
// Sounds made here: ring, ringback, keys, the end of a call. No file is loaded.

/** @type {AudioContext | undefined} */
let context;
/** @type {{ stop: () => void } | undefined} */
let playing;
/** @type {Set<OscillatorNode>} */
const voices = new Set();

/** Browsers start sound only after a click or key: call this from one. */
export function wakeSound() {
  context ??= new AudioContext();
  if (context.state === 'suspended') void context.resume();
}

/** Two warm notes, twice, then quiet: somebody calls. */
export function ring() {
  loop(3.2, (at) => {
    for (const beat of [0, 0.9]) {
      chime(at + beat, 659.26, 0.16);
      chime(at + beat + 0.16, 830.61, 0.16);
      chime(at + beat + 0.32, 987.77, 0.12);
    }
  });
}

/** The far side rings: a soft 425 Hz, one second of five. */
export function ringback() {
  loop(5, (at) => note(at, 425, 1, 0.045, 'sine', 0.06));
}

export function hush() {
  playing?.stop();
  playing = undefined;
}

/** Two falling notes: it is over. */
export function endTone() {
  const at = now();
  if (at === undefined) return;
  note(at, 523.25, 0.13, 0.05, 'sine', 0.02);
  note(at + 0.15, 392, 0.22, 0.05, 'sine', 0.02);
}

const ROWS = [697, 770, 852, 941];
const COLUMNS = [1209, 1336, 1477];
const KEYS = '123456789*0#';

/**
 * What a key of a telephone sounds like, quietly: the far side gets it as an event.
 * @param {string} key
 */
export function keyTone(key) {
  const at = now();
  const place = KEYS.indexOf(key);
  if (at === undefined || place < 0) return;
  note(at, ROWS[Math.floor(place / 3)], 0.14, 0.04, 'sine', 0.01);
  note(at, COLUMNS[place % 3], 0.14, 0.04, 'sine', 0.01);
}

/** Sends the sounds of the page to a loudspeaker, where the browser can. @param {string} id */
export function soundThrough(id) {
  wakeSound();
  const target = /** @type {{ setSinkId?: (id: string) => Promise<void> }} */ (/** @type {unknown} */ (context));
  return target.setSinkId?.(id).catch(() => undefined);
}

function now() {
  wakeSound();
  return context?.state === 'running' ? context.currentTime + 0.01 : undefined;
}

/**
 * @param {number} period seconds
 * @param {(at: number) => void} bar
 */
function loop(period, bar) {
  hush();
  wakeSound();
  const play = () => {
    const at = now();
    if (at !== undefined) bar(at);
  };
  play();
  // A context that is still asleep may wake with the next click.
  const woken = () => {
    if (context?.state === 'running') play();
  };
  context?.addEventListener('statechange', woken);
  const timer = setInterval(play, period * 1000);
  playing = {
    stop() {
      clearInterval(timer);
      context?.removeEventListener('statechange', woken);
      for (const voice of voices) voice.stop();
      voices.clear();
    },
  };
}

/**
 * @param {number} at
 * @param {number} frequency
 * @param {number} loudness
 */
function chime(at, frequency, loudness) {
  note(at, frequency, 0.7, loudness, 'sine', 0.005, true);
  note(at, frequency * 3, 0.25, loudness * 0.18, 'sine', 0.003, true);
}

/**
 * @param {number} at
 * @param {number} frequency
 * @param {number} seconds
 * @param {number} loudness
 * @param {OscillatorType} shape
 * @param {number} attack
 * @param {boolean} [fades] like something struck, rather than held
 */
function note(at, frequency, seconds, loudness, shape, attack, fades = false) {
  if (!context) return;
  const voice = context.createOscillator();
  const gain = context.createGain();
  voice.type = shape;
  voice.frequency.value = frequency;
  gain.gain.setValueAtTime(0, at);
  gain.gain.linearRampToValueAtTime(loudness, at + attack);
  if (fades) {
    gain.gain.exponentialRampToValueAtTime(0.0001, at + seconds);
  } else {
    gain.gain.setValueAtTime(loudness, at + Math.max(attack, seconds - attack));
    gain.gain.linearRampToValueAtTime(0, at + seconds);
  }
  voice.connect(gain).connect(context.destination);
  voice.start(at);
  voice.stop(at + seconds + 0.02);
  voices.add(voice);
  voice.onended = () => voices.delete(voice);
}
