// Levels of tones in recorded sound.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const HEADER_LEN = 44;
const SAMPLE_LEN = 2;

/**
 * The last `seconds` of a WAV file of 16-bit samples that may still be written to, as numbers
 * between -1 and 1, and its sampling rate. Fewer if the file is shorter.
 */
export function lastOf(file, seconds) {
  const descriptor = openSync(file, 'r');
  try {
    const header = Buffer.alloc(HEADER_LEN);
    if (readSync(descriptor, header, 0, HEADER_LEN, 0) < HEADER_LEN) return { samples: [], rate: 8000 };
    const [channels, rate] = [header.readUInt16LE(22), header.readUInt32LE(24)];
    const frame = channels * SAMPLE_LEN;
    const there = Math.floor((fstatSync(descriptor).size - HEADER_LEN) / frame);
    const count = Math.max(0, Math.min(there, Math.round(rate * seconds)));
    const data = Buffer.alloc(count * frame);
    readSync(descriptor, data, 0, data.length, HEADER_LEN + (there - count) * frame);
    const samples = Array.from({ length: count }, (_, i) => data.readInt16LE(i * frame) / 32768);
    return { samples, rate };
  } finally {
    closeSync(descriptor);
  }
}

/** Amplitude of `frequency` in `samples`, in dB of a full-scale sine (Goertzel, Hann). */
export function level(samples, frequency, rate) {
  const step = 2 * Math.cos((2 * Math.PI * frequency) / rate);
  let a = 0;
  let b = 0;
  samples.forEach((sample, i) => {
    const hann = 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / samples.length);
    const c = sample * hann + step * a - b;
    b = a;
    a = c;
  });
  const power = a * a + b * b - step * a * b;
  const amplitude = (4 * Math.sqrt(Math.max(power, 0))) / Math.max(samples.length, 1);
  return 20 * Math.log10(Math.max(amplitude, 1e-7));
}
