// A telephone that is a program of its own, without sound hardware: it is ordered about in words,
// says what happens, and writes what it hears to a file.

import { spawn } from 'node:child_process';

import { heardNothing, heardOnly } from './proof.mjs';
import { SIDES, TONES } from './sides.mjs';
import { level, soundAfter } from './sound.mjs';
import { pause, until } from './wait.mjs';

const LISTEN_SECONDS = 0.5;
/** Silence has to last for so long. */
const SILENCE_MS = 1_000;
const STOP_DEADLINE_MS = 5_000;

export class Telephone {
  /**
   * `name` is whose it is; it sends the tone of `side`, and writes what it hears to the file
   * `recording`.
   */
  constructor(fields) {
    Object.assign(this, fields);
    this.said = '';
    this.noticed = 0;
  }

  launch(program, args, { input = 'ignore', env } = {}) {
    this.process = spawn(program, args, { stdio: [input, 'pipe', 'pipe'], env: { ...process.env, ...env } });
    this.gone = new Promise((resolve) => { this.process.once('exit', resolve); });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (chunk) => { this.said += chunk; });
    }
  }

  /** Waits until it says something of this kind that was not waited for before. */
  says(pattern, deadlineMs) {
    return until(`${this.name}'s telephone says ${pattern}`, () => {
      if (this.process.exitCode !== null) throw new Error(`it ended: ${this.said.slice(-500)}`);
      const fresh = this.said.slice(this.noticed);
      const match = pattern.exec(fresh);
      if (!match) throw new Error(fresh.slice(-500));
      this.noticed += match.index + match[0].length;
      return match;
    }, deadlineMs);
  }

  /** Waits until the tone of `side`, and of nobody else, comes in from now on. */
  hears(side, deadlineMs) {
    const from = this.heard().length;
    return until(`${this.name}'s telephone hears the tone of ${side}`, () => {
      const tones = tonesIn(this.heard(from));
      if (!heardOnly(tones, SIDES[side].tone)) throw new Error(JSON.stringify(tones));
      return tones;
    }, deadlineMs);
  }

  /** Waits until nothing comes in, or nothing but silence. */
  async hearsNothing(deadlineMs) {
    return until(`${this.name}'s telephone hears nothing`, async () => {
      const from = this.heard().length;
      await pause(SILENCE_MS);
      const tones = tonesIn(this.heard(from));
      if (!heardNothing(tones)) throw new Error(JSON.stringify(tones));
      return tones;
    }, deadlineMs);
  }

  /** What it has heard after the first `from` samples of this call. */
  heard(from = 0) {
    return soundAfter(this.recording, from, LISTEN_SECONDS, this.samplingRate);
  }

  /** Everything it has written so far. */
  log() {
    return this.said;
  }

  async stop() {
    const timer = setTimeout(() => this.process.kill('SIGKILL'), STOP_DEADLINE_MS);
    if (this.process.exitCode === null && this.process.signalCode === null) this.quit();
    await this.gone;
    clearTimeout(timer);
  }
}

function tonesIn({ samples, rate }) {
  if (samples.length < rate * LISTEN_SECONDS) return { deaf: 'not enough has come in' };
  return { loudest: Object.fromEntries(TONES.map((tone) => [tone, level(samples, tone, rate)])) };
}
