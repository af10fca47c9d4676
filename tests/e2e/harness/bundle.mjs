// Packages written for Node's `require`, as one classic script for a browser.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const REQUIRED = /\brequire\((['"])([^'"]+)\1\)/g;

/** The script that runs the CommonJS module `entry` and leaves its exports in `window[name]`. */
export function bundle(entry, name) {
  const modules = new Map();
  take(entry, modules);
  const table = [...modules].map(([file, { source, needs }]) => (
    `${JSON.stringify(file)}: [${JSON.stringify(needs)}, function (module, exports, require) {${source}\n}]`
  ));
  return `{
const table = {${table.join(',\n')}};
const loaded = {};
const load = (file) => {
  if (!loaded[file]) {
    const module = loaded[file] = { exports: {} };
    const [needs, run] = table[file];
    run.call(module.exports, module, module.exports, (wanted) => load(needs[wanted]));
  }
  return loaded[file].exports;
};
window[${JSON.stringify(name)}] = load(${JSON.stringify(entry)});
}`;
}

/** Notes a file and all it needs, each with where its own needs lie. */
function take(file, modules) {
  if (modules.has(file)) return;
  const text = readFileSync(file, 'utf8');
  if (file.endsWith('.json')) {
    modules.set(file, { source: `module.exports = ${text}`, needs: {} });
    return;
  }
  const needs = Object.fromEntries([...text.matchAll(REQUIRED)].map(([, , wanted]) => [wanted, locate(wanted, file)]));
  modules.set(file, { source: text, needs });
  Object.values(needs).forEach((needed) => take(needed, modules));
}

/** Where `wanted` lies for `file`: of a package's two main files the one for browsers. */
function locate(wanted, file) {
  const from = createRequire(file);
  if (wanted.startsWith('.')) return from.resolve(wanted);
  const manifest = from.resolve(`${wanted}/package.json`);
  const { browser, main } = from(manifest);
  return from.resolve(path.join(path.dirname(manifest), typeof browser === 'string' ? browser : main ?? 'index.js'));
}
