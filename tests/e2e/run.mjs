// Runs the browser tests and closes with one line of totals: first the files that measure how calls
// fare, then the others, and beside those the ones that spend their time waiting.
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

/** They measure times and rates: nothing else may take the processor from them. */
const ALONE = ['impairment.test.mjs', 'speech.test.mjs'];
/** Telephones, and calls without a picture: they leave the processor to others. */
const LIGHT = ['telephones.test.mjs', 'transcoding.test.mjs', 'local-media.test.mjs', 'sipp.test.mjs'];

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

process.on('exit', () => {
  for (const name of failed) console.log(`failed: ${name}`);
  const skipped = totals.skipped ? `, ${totals.skipped} skipped` : '';
  console.log(`browser tests: ${totals.passed} passed, ${totals.failed} failed${skipped}`);
  process.exitCode = totals.failed === 0 && totals.passed > 0 ? 0 : 1;
});

const isOf = (names) => (file) => names.includes(path.basename(file));
await play(files.filter(isOf(ALONE)));
await Promise.all([
  play(files.filter(isOf(LIGHT))),
  play(files.filter((file) => !isOf([...ALONE, ...LIGHT])(file))),
]);

/** Runs these files, one after another. */
async function play(these) {
  if (these.length === 0) return;
  const stream = run({
    files: these,
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
  for await (const text of stream.compose(new Spec())) process.stdout.write(text);
}

/** Some Node versions report a passed file as a test of its own. */
function isFile(event) {
  return files.includes(path.resolve(event.name));
}
