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

/** Writes a WAV file: a tone of `frequency` for so long. */
export function writeTone(file, frequency, seconds = 2, rate = 16000) {
  const data = Buffer.alloc(seconds * rate * SAMPLE_LEN);
  for (let i = 0; i < seconds * rate; i += 1) {
    data.writeInt16LE(Math.round(8000 * Math.sin((2 * Math.PI * frequency * i) / rate)), i * SAMPLE_LEN);
  }
  const header = Buffer.alloc(HEADER_LEN);
  header.write('RIFF', 0);
  header.writeUInt32LE(HEADER_LEN - 8 + data.length, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(rate, 24);
  header.writeUInt32LE(rate * SAMPLE_LEN, 28);
  header.writeUInt16LE(SAMPLE_LEN, 32);
  header.writeUInt16LE(8 * SAMPLE_LEN, 34);
  header.write('data', 36);
  header.writeUInt32LE(data.length, 40);
  writeFileSync(file, Buffer.concat([header, data]));
  return file;
}
