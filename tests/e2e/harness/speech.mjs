// Speech, and how good it still is at the far end: by PESQ (ITU-T P.862). Needs ffmpeg, which speaks, and
// the Python package `pesq`, which `./test` installs below the target directory.

import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { REPOSITORY, scratch } from './paths.mjs';

const SCORER = path.join(import.meta.dirname, 'speech.py');
const PYTHON = path.join(
  process.env.CARGO_TARGET_DIR ?? path.join(REPOSITORY, 'target'),
  'tools/pesq/bin/python',
);

/** Harvard sentences, list 1 (IEEE 297-1969), said by two voices. */
const SENTENCES = [
  ['slt', 'The birch canoe slid on the smooth planks.'],
  ['rms', 'Glue the sheet to the dark blue background.'],
];

/** Writes a WAV file in which a woman and a man speak, some seven seconds, and gives its path. */
export function writeSpeech() {
  const file = path.join(scratch('speech'), 'speech.wav');
  const said = SENTENCES.flatMap(([voice, text]) => ['-f', 'lavfi', '-i', `flite=voice=${voice}:text=${text}`]);
  const joined = 'concat=n=2:v=0:a=1,apad=pad_dur=0.5,aresample=48000';
  execFileSync('ffmpeg', ['-v', 'error', '-y', ...said, '-filter_complex', joined, '-ac', '1', file]);
  return file;
}

/**
 * What was heard (as `recorded` in in-speech.js gives it, by name) of what was `said`: for each window of
 * eight seconds that all have heard its score in `scores`, MOS-LQO by P.862 (1 is bad, 4.5 as it was), and in
 * `delays` how much later it was heard, ms.
 */
export function judge(said, heard) {
  if (!existsSync(PYTHON)) throw new Error(`${PYTHON}, which ./test installs with the package pesq, is missing`);
  const directory = scratch('speech');
  const write = (name, { pcm, ...rest }) => {
    const file = path.join(directory, `${name}.pcm`);
    writeFileSync(file, Buffer.from(pcm, 'base64'));
    return { ...rest, file };
  };
  const input = {
    said: write('said', said),
    heard: Object.fromEntries(Object.entries(heard).map(([name, it]) => [name, write(name, it)])),
  };
  return JSON.parse(execFileSync(PYTHON, [SCORER], { input: JSON.stringify(input), encoding: 'utf8' }));
}
