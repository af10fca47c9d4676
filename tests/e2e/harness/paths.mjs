// Where things lie.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = path.dirname(fileURLToPath(import.meta.url));

export const E2E = path.resolve(HERE, '..');
export const REPOSITORY = path.resolve(E2E, '../..');
export const IN_PAGE_SCRIPT = path.join(HERE, 'in-page.js');
export const IN_FIREFOX_SCRIPT = path.join(HERE, 'in-firefox.js');
export const IN_SPEECH_SCRIPT = path.join(HERE, 'in-speech.js');
export const IN_LIMITED_SCRIPT = path.join(HERE, 'in-limited.js');
export const RESULTS = path.join(REPOSITORY, 'test-results');

export const BINARY = process.env.CALLBOX_BIN ?? path.join(
  process.env.CARGO_TARGET_DIR ?? path.join(REPOSITORY, 'target'),
  'debug/callbox',
);

let root;

/** A directory of this test process, gone when it exits. */
export function scratch(name) {
  if (!root) {
    root = mkdtempSync(path.join(os.tmpdir(), 'callbox-e2e-'));
    process.on('exit', () => rmSync(root, { recursive: true, force: true }));
  }
  const directory = path.join(root, name);
  mkdirSync(directory, { recursive: true });
  return directory;
}
