// Sound that a telephone has written to a file, and tones in it.

import { closeSync, existsSync, fstatSync, openSync, readSync, writeFileSync } from 'node:fs';

const HEADER_LEN = 44;
const SAMPLE_LEN = 2;
const NOTHING = { samples: [], rate: 8000, length: 0 };

/**
 * What was written to a WAV file of 16-bit samples after its first `from` samples, at most its
 * last `seconds`: `samples` between -1 and 1, their `rate`, and the `length` of the file in samples.
 * It may still be written to, may not be there yet, and may have been begun anew. Without a header
 * yet, it is mono of `samplingRate`.
 */
export function soundAfter(file, from, seconds, samplingRate = 8000) {
  if (!existsSync(file)) return NOTHING;
  const descriptor = openSync(file, 'r');
  try {
    const header = Buffer.alloc(HEADER_LEN);
    if (readSync(descriptor, header, 0, HEADER_LEN, 0) < HEADER_LEN) return NOTHING;
    const [channels, rate] = header[0] === 0 ? [1, samplingRate] : [header.readUInt16LE(22), header.readUInt32LE(24)];
    const frame = channels * SAMPLE_LEN;
    const length = Math.floor((fstatSync(descriptor).size - HEADER_LEN) / frame);
    const fresh = length < from ? length : length - from;
    const count = Math.min(fresh, Math.round(rate * seconds));
    const data = Buffer.alloc(count * frame);
    readSync(descriptor, data, 0, data.length, HEADER_LEN + (length - count) * frame);
    const samples = Array.from({ length: count }, (_, i) => data.readInt16LE(i * frame) / 32768);
    return { samples, rate, length };
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

/**
 * Writes a WAV file, mono: a tone of `frequency` for so long. `loudness` gives its amplitude, 0 to 1,
 * at each time in seconds.
 */
export function writeTone(file, frequency, { seconds = 2, rate = 16000, loudness = () => 0.25 } = {}) {
  const count = seconds * rate;
  const wav = Buffer.alloc(HEADER_LEN + count * SAMPLE_LEN);
  wav.write('RIFF', 0);
  wav.writeUInt32LE(wav.length - 8, 4);
  wav.write('WAVEfmt ', 8);
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20); // PCM
  wav.writeUInt16LE(1, 22); // mono
  wav.writeUInt32LE(rate, 24);
  wav.writeUInt32LE(rate * SAMPLE_LEN, 28);
  wav.writeUInt16LE(SAMPLE_LEN, 32);
  wav.writeUInt16LE(8 * SAMPLE_LEN, 34);
  wav.write('data', 36);
  wav.writeUInt32LE(count * SAMPLE_LEN, 40);
  for (let i = 0; i < count; i += 1) {
    const t = i / rate;
    const value = loudness(t) * Math.sin(2 * Math.PI * frequency * t);
    wav.writeInt16LE(Math.round(value * 32767), HEADER_LEN + i * SAMPLE_LEN);
  }
  writeFileSync(file, wav);
  return file;
}
