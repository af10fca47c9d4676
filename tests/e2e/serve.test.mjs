// Starting and ending the binary as a person does it: what it says, and how it ends.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { test } from 'node:test';

import { BINARY, REPOSITORY, scratch } from './harness/paths.mjs';
import { Callbox } from './harness/server.mjs';

const DEADLINE_MS = 20_000;

/** Runs the binary to its end: `{ code, out, err }`. */
function callbox(...args) {
  return new Promise((resolve, reject) => {
    const child = spawn(BINARY, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: scratch('elsewhere') });
    const said = { out: '', err: '' };
    child.stdout.on('data', (chunk) => { said.out += chunk; });
    child.stderr.on('data', (chunk) => { said.err += chunk; });
    const timer = setTimeout(() => child.kill('SIGKILL'), DEADLINE_MS);
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, ...said });
    });
  });
}

function configuration(text) {
  const file = path.join(mkdtempSync(path.join(scratch('config'), 'c-')), 'config.toml');
  writeFileSync(file, text);
  return file;
}

test('the shipped configuration is good as it stands', async () => {
  const { code, out, err } = await callbox('check', '--config', path.join(REPOSITORY, 'config.toml'));
  assert.equal(code, 0, out + err);
});

test('the server says what to open and where its things lie, and SIGTERM ends it well', async () => {
  const server = await Callbox.start();
  assert.match(server.log(), new RegExp(`http://localhost:${server.http}\\b`));
  assert.match(server.log(), new RegExp(`https://localhost:${server.https}\\b`));
  assert.ok(server.log().includes(server.file), 'names its configuration');
  assert.match(server.log(), /SHA-256 [0-9A-F:]{95}/i, 'shows the fingerprint of its certificate');
  const { code } = await server.stop();
  assert.equal(code, 0);
});

test('a taken port is one clear sentence and no success', async () => {
  const server = await Callbox.start();
  const file = configuration([
    `data_dir = "data"`,
    `[http]`, `listen = "127.0.0.1:${server.http}"`,
    `[https]`, `listen = []`,
    `[media]`, `port = 0`,
  ].join('\n'));
  const { code, err } = await callbox('serve', '--config', file);
  await server.stopWell();
  assert.notEqual(code, 0);
  assert.match(err, new RegExp(`127\\.0\\.0\\.1:${server.http}`));
  assert.match(err, /http\.listen/, 'names the key to change');
  assert.equal(err.trim().split('\n').length, 1, err);
});

test('every fault of a configuration is reported at once, with line and key', async () => {
  const file = configuration([
    '[media]', 'port = 70000', '[wcs]', 'grace_s = "soon"', '[http]', 'lisen = "127.0.0.1:1"',
  ].join('\n'));
  for (const command of ['check', 'serve']) {
    const { code, out, err } = await callbox(command, '--config', file);
    const said = out + err;
    assert.notEqual(code, 0);
    for (const [line, key] of [[2, 'media.port'], [4, 'wcs.grace_s'], [6, 'http.lisen']]) {
      assert.ok(said.split('\n').some((l) => l.includes(key) && new RegExp(`\\b${line}\\b`).test(l)), `${key} at line ${line}: ${said}`);
    }
  }
});

test('a configuration that is not there is one clear sentence', async () => {
  const { code, err } = await callbox('serve', '--config', '/nowhere/config.toml');
  assert.notEqual(code, 0);
  assert.match(err, /\/nowhere\/config\.toml/);
});

test('an open connection does not keep the server from ending', async () => {
  const server = await Callbox.start();
  const socket = connect(server.http, '127.0.0.1');
  await new Promise((resolve) => { socket.once('connect', resolve); });
  const closed = new Promise((resolve) => {
    socket.once('close', resolve);
    socket.on('error', () => {});
    socket.resume();
  });
  await server.stopWell();
  await closed;
});

test('the configuration may lie anywhere: what it names is relative to it', async () => {
  const directory = mkdtempSync(path.join(scratch('config'), 'moved-'));
  cpSync(path.join(REPOSITORY, 'config.toml'), path.join(directory, 'config.toml'));
  const { code, out, err } = await callbox('check', '--config', path.join(directory, 'config.toml'));
  assert.equal(code, 0, out + err);
});
