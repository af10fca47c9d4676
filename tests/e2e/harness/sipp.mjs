// SIPp plays a script against the server.

import { spawn } from 'node:child_process';
import dgram from 'node:dgram';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import tls from 'node:tls';

import { scratch } from './paths.mjs';
import { until } from './wait.mjs';

const TIMEOUT_S = 30;
/** In its words. It speaks TLS through a tunnel: Debian builds it without. */
const TRANSPORTS = { udp: 'u1', tcp: 't1', tls: 't1' };

/** A SIP user agent that SIPp plays, on a port of its own. */
export class Sipp {
  static async of(server, { name, password, transport = 'udp' }) {
    const tunnel = transport === 'tls' ? await tunnelTo(server.sip.tls) : undefined;
    const target = tunnel ? `127.0.0.1:${tunnel.address().port}` : server.sip[transport];
    return new Sipp({ name, password, transport, tunnel, target, port: await freeUdpPort() });
  }

  constructor(fields) {
    Object.assign(this, fields);
  }

  /** Plays a script `calls` times, `rate` new ones a second, and demands that each goes well. */
  async play(script, options) {
    await this.begin(script, options);
    await this.done();
  }

  /** Starts to play a script of somebody who is called; gives back once it listens. */
  async awaitCalls(script, options) {
    await this.begin(script, options);
    await until(`${this.name} listens`, () => isTaken(this.port));
  }

  async begin(script, { callee, calls = 1, rate = 10 } = {}) {
    const directory = mkdtempSync(path.join(scratch('sipp'), `${this.name}-`));
    const [errors, messages, scenario] = ['errors', 'messages', 'scenario.xml'].map((name) => path.join(directory, name));
    writeFileSync(scenario, script.toXml());
    const said = [];
    const child = spawn('sipp', [
      this.target,
      '-sf', scenario,
      '-t', TRANSPORTS[this.transport], '-i', '127.0.0.1', '-p', String(this.port),
      '-key', 'me', this.name, '-key', 'protocol', this.transport.toUpperCase(), '-au', this.name, '-ap', this.password,
      // Else its credentials are for the server's address: they are taken for a REGISTER alone.
      ...(callee === undefined ? [] : ['-s', callee, '-auth_uri', `${callee}@localhost`]),
      '-m', String(calls), '-l', String(calls), '-r', String(rate),
      '-timeout', `${TIMEOUT_S}s`, '-timeout_error', '-nostdin',
      '-trace_err', '-error_file', errors, '-trace_msg', '-message_file', messages,
    ], { stdio: ['ignore', 'pipe', 'pipe'], cwd: directory });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => said.push(chunk));
    const exit = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => resolve(code ?? signal));
    });
    const tail = (file, length) => (existsSync(file) ? readFileSync(file, 'utf8').slice(-length) : '');
    this.child = child;
    this.result = exit.then((code) => {
      if (code === 0) return;
      throw new Error([
        `${this.name}'s SIPp ended with ${code}:`, tail(errors, 3000), tail(messages, 6000), said.join('').slice(-500),
      ].join('\n'));
    });
    // Whoever waits hears of it.
    this.result.catch(() => {});
  }

  /** The script has been played, and each call went as it says. */
  done() {
    return this.result;
  }

  /** Ends it, whatever it does. */
  stop() {
    this.tunnel?.close();
    if (this.child?.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL');
  }
}

/** Whoever connects here speaks TLS with `address`, and need not know. */
function tunnelTo(address) {
  const [host, port] = address.split(':');
  const server = net.createServer((inner) => {
    const outer = tls.connect({ host, port: Number(port), rejectUnauthorized: false });
    inner.pipe(outer).pipe(inner);
    for (const [one, other] of [[inner, outer], [outer, inner]]) one.on('error', () => other.destroy());
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}

function freeUdpPort() {
  return bound(0).then((socket) => {
    const { port } = socket.address();
    return new Promise((resolve) => { socket.close(() => resolve(port)); });
  });
}

/** Somebody has this UDP port. */
async function isTaken(port) {
  try {
    const socket = await bound(port);
    await new Promise((resolve) => { socket.close(resolve); });
    return false;
  } catch (error) {
    if (error.code === 'EADDRINUSE') return true;
    throw error;
  }
}

function bound(port) {
  return new Promise((resolve, reject) => {
    const socket = dgram.createSocket('udp4');
    socket.once('error', reject);
    socket.bind(port, '127.0.0.1', () => resolve(socket));
  });
}
