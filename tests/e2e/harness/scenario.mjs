// A named behaviour with everything that helps to understand its failure: the server's log,
// what the pages said, and a picture of each page.

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { RESULTS } from './paths.mjs';

const TIMEOUT_MS = 120_000;

/**
 * Like `test`, but a failure prints and keeps its evidence. `evidence()` gives
 * `{ server, sides: [...] }` or `{ server, pages: { name: page } }`, whatever of it exists at the
 * time, and `phones` (with `name` and `log()`) beside. An uncaught error in a page is a failure,
 * unless the pages are `foreign`: written by others, with faults of their own.
 */
export function scenarios(evidence, { foreign = false } = {}) {
  return (name, options, body) => {
    if (typeof options === 'function') [options, body] = [{}, options];
    test(name, { timeout: TIMEOUT_MS, ...options }, async (t) => {
      try {
        await body(t);
        if (!foreign) assertNoUncaught(pagesOf(evidence()));
      } catch (error) {
        await keep(name, evidence()).catch((fault) => console.error(`evidence was lost: ${fault.message}`));
        throw error;
      }
    });
  };
}

/** A page that worked by luck has not passed. */
function assertNoUncaught(pages) {
  for (const [who, page] of Object.entries(pages)) {
    const uncaught = page.said.filter((line) => line.startsWith('uncaught:'));
    if (uncaught.length > 0) throw new Error(`page ${who} had uncaught errors: ${uncaught.join('; ')}`);
  }
}

/** All pages of the sides by a name for people: the side and a number. */
function pagesOf({ sides = [], pages }) {
  return pages ?? Object.fromEntries(sides.flatMap((side) => (
    side?.pages().map((page, n) => [`${side.side}-${n + 1}`, page]) ?? []
  )));
}

async function keep(name, evidence) {
  const { server, phones = [] } = evidence;
  const pages = pagesOf(evidence);
  mkdirSync(RESULTS, { recursive: true });
  const stem = path.join(RESULTS, name.replace(/[^A-Za-z0-9]+/g, '-').slice(0, 100));
  const lines = [`--- evidence of: ${name}`];
  if (server) {
    writeFileSync(`${stem}.server.log`, server.log());
    lines.push('--- server log, last lines', server.log().split('\n').slice(-40).join('\n'));
  }
  for (const phone of phones) {
    writeFileSync(`${stem}.${phone.name}.log`, phone.log());
    lines.push(`--- telephone of ${phone.name}, last lines`, phone.log().split('\n').slice(-25).join('\n'));
  }
  for (const [who, page] of Object.entries(pages)) {
    const said = page.said.slice(-25).join('\n');
    lines.push(`--- page ${who}`, said || '(said nothing)');
    await page.screenshot({ path: `${stem}.${who}.png` }).catch((fault) => lines.push(`no picture: ${fault.message}`));
  }
  lines.push(`--- kept in ${path.relative(process.cwd(), stem)}.*`);
  console.error(lines.join('\n'));
}
