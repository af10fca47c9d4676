// Runs the browser tests, one file after another, and closes with one line of totals.
//
//   node run.mjs            everything
//   node run.mjs phone      the files whose name contains "phone"
//   node run.mjs --grep=busy  the tests whose name contains "busy"

import { readdirSync } from 'node:fs';
import path from 'node:path';
import { run } from 'node:test';
import { spec as Spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const FILE_TIMEOUT_MS = 8 * 60_000;

const words = process.argv.slice(2).filter((word) => !word.startsWith('--grep='));
const grep = process.argv.slice(2).find((word) => word.startsWith('--grep='))?.slice('--grep='.length);

const files = readdirSync(HERE)
  .filter((name) => name.endsWith('.test.mjs'))
  .filter((name) => words.length === 0 || words.some((word) => name.includes(word)))
  .sort()
  .map((name) => path.join(HERE, name));

if (files.length === 0) {
  console.error(`no browser test file matches: ${words.join(' ')}`);
  process.exit(2);
}

const totals = { passed: 0, failed: 0, skipped: 0 };
const failed = [];

const stream = run({
  files,
  concurrency: 1,
  timeout: FILE_TIMEOUT_MS,
  ...(grep && { testNamePatterns: [new RegExp(grep, 'i')] }),
});
stream.on('test:pass', (event) => {
  if (isFile(event)) return;
  if (event.skip !== undefined) totals.skipped += 1;
  else totals.passed += 1;
});
stream.on('test:fail', (event) => {
  if (event.details?.error?.failureType === 'subtestsFailed') return;
  totals.failed += 1;
  failed.push(event.name);
});
stream.compose(new Spec()).pipe(process.stdout);
process.on('exit', () => {
  for (const name of failed) console.log(`failed: ${name}`);
  const skipped = totals.skipped ? `, ${totals.skipped} skipped` : '';
  console.log(`browser tests: ${totals.passed} passed, ${totals.failed} failed${skipped}`);
  process.exitCode = totals.failed === 0 && totals.passed > 0 ? 0 : 1;
});

/** Some Node versions report a passed file as a test of its own. */
function isFile(event) {
  return files.includes(path.resolve(event.name));
}
