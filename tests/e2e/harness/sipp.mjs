// SIPp plays a scenario of tests/sip against the server.

import { spawn } from 'node:child_process';
import dgram from 'node:dgram';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { REPOSITORY, scratch } from './paths.mjs';
import { until } from './wait.mjs';

const SCENARIOS = path.join(REPOSITORY, 'tests/sip');
const TIMEOUT_S = 30;
const TRANSPORTS = { udp: 'u1', tcp: 't1' };

/** A SIP user agent that SIPp plays, on a port of its own. */
export class Sipp {
  static async of(server, { name, password, transport = 'udp' }) {
    return new Sipp({ server, name, password, transport, port: await freeUdpPort() });
  }

  constructor(fields) {
    Object.assign(this, fields);
  }

  /** Plays a scenario `calls` times, `rate` new ones a second, and demands that each goes well. */
  async play(scenario, options) {
    await this.begin(scenario, options);
    await this.done();
  }

  /** Starts to play a scenario of somebody who is called; gives back once it listens. */
  async awaitCalls(scenario, options) {
    await this.begin(scenario, options);
    await until(`${this.name} listens`, () => isTaken(this.port));
  }

  async begin(scenario, { callee = this.name, calls = 1, rate = 10 } = {}) {
    const directory = mkdtempSync(path.join(scratch('sipp'), `${scenario}-`));
    const [errors, messages] = ['errors', 'messages'].map((name) => path.join(directory, name));
    const said = [];
    const child = spawn('sipp', [
      this.server.sip[this.transport],
      '-sf', path.join(SCENARIOS, `${scenario}.xml`),
      '-t', TRANSPORTS[this.transport], '-i', '127.0.0.1', '-p', String(this.port),
      '-key', 'me', this.name, '-s', callee, '-au', this.name, '-ap', this.password,
      '-m', String(calls), '-l', String(calls), '-r', String(rate),
      '-timeout', `${TIMEOUT_S}s`, '-timeout_error', '-nostdin',
      '-trace_err', '-error_file', errors, '-trace_msg', '-message_file', messages,
    ], { stdio: ['ignore', 'pipe', 'pipe'], cwd: directory });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => said.push(chunk));
    const exit = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => resolve(code ?? signal));
    });
    const tail = (file) => (existsSync(file) ? readFileSync(file, 'utf8').slice(-3000) : '');
    this.child = child;
    this.result = exit.then((code) => {
      if (code === 0) return;
      throw new Error(`${this.name}'s SIPp ended with ${code} in ${scenario}: ${tail(errors)}\n${tail(messages)}\n${said.join('').slice(-1500)}`);
    });
    // Whoever waits hears of it.
    this.result.catch(() => {});
  }

  /** The scenario has been played, and each call went as it says. */
  done() {
    return this.result;
  }

  /** Ends it, whatever it does. */
  stop() {
    if (this.child?.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL');
  }
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
