// Makes the files that Chromium plays as microphone and camera.

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { SIDES } from './sides.mjs';
import { writeTone } from './sound.mjs';

const SAMPLE_RATE = 48_000;
const TONE_SECONDS = 4;
/** Loudness swings as in speech: a steady tone is what noise suppression takes away. */
const SYLLABLES_PER_SECOND = 4;
const AMPLITUDE = 0.4;

const WIDTH = 640;
const HEIGHT = 360;
const FRAMES_PER_SECOND = 20;
const FRAMES = 40;
const BAR_WIDTH = 48;

/** How far the grain of a `grainy` picture goes from its colour: hard to compress. */
const GRAIN = 60;

/**
 * Writes the sound and the picture of a side into `directory` and returns their paths. A
 * `grainy` picture takes as much bandwidth as it is given.
 */
export function makeFixtures(directory, sideName, { grainy = false } = {}) {
  const side = SIDES[sideName];
  mkdirSync(directory, { recursive: true });
  const audio = path.join(directory, `${sideName}.wav`);
  const video = path.join(directory, `${sideName}${grainy ? '-grainy' : ''}.y4m`);
  const loudness = (t) => AMPLITUDE * (0.6 - 0.4 * Math.cos(2 * Math.PI * SYLLABLES_PER_SECOND * t));
  writeTone(audio, side.tone, { seconds: TONE_SECONDS, rate: SAMPLE_RATE, loudness });
  writeFileSync(video, movingBarY4m(side.colour, grainy));
  return { audio, video };
}

/** A plain coloured field with a white bar that walks from left to right. */
function movingBarY4m([r, g, b], grainy) {
  const header = Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F${FRAMES_PER_SECOND}:1 Ip A1:1 C420jpeg\n`);
  const field = yuv(r, g, b);
  const bar = yuv(255, 255, 255);
  const frames = [header];
  for (let n = 0; n < FRAMES; n++) {
    const left = Math.floor((n * (WIDTH - BAR_WIDTH)) / FRAMES) & ~1;
    frames.push(
      Buffer.from('FRAME\n'),
      grained(plane(WIDTH, HEIGHT, field[0], bar[0], left, BAR_WIDTH), grainy ? GRAIN : 0),
      plane(WIDTH / 2, HEIGHT / 2, field[1], bar[1], left / 2, BAR_WIDTH / 2),
      plane(WIDTH / 2, HEIGHT / 2, field[2], bar[2], left / 2, BAR_WIDTH / 2),
    );
  }
  return Buffer.concat(frames);
}

function plane(width, height, field, bar, left, barWidth) {
  const row = Buffer.alloc(width, field);
  row.fill(bar, left, left + barWidth);
  const rows = Buffer.alloc(width * height);
  for (let y = 0; y < height; y++) row.copy(rows, y * width);
  return rows;
}

function grained(rows, grain) {
  if (grain > 0) {
    for (let i = 0; i < rows.length; i++) {
      rows[i] = Math.min(235, Math.max(16, rows[i] + (Math.random() - 0.5) * grain));
    }
  }
  return rows;
}

/** BT.601, studio swing: what Chromium takes a y4m file for. */
function yuv(r, g, b) {
  return [
    16 + 0.257 * r + 0.504 * g + 0.098 * b,
    128 - 0.148 * r - 0.291 * g + 0.439 * b,
    128 + 0.439 * r - 0.368 * g - 0.071 * b,
  ].map(Math.round);
}
