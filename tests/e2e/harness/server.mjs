// The real binary, on free ports, with a configuration and a data directory of its own.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { BINARY, scratch } from './paths.mjs';
import { until } from './wait.mjs';

const START_DEADLINE_MS = 30_000;
const STOP_DEADLINE_MS = 15_000;

/** A running `callbox serve`. */
export class Callbox {
  /**
   * Starts it and waits until it serves. `config` is TOML tables by name, e.g.
   * `{ media: { port: 0 } }`, laid over what the tests need; `accounts` are made with the
   * command line first; with `netns` it lives in that network namespace and listens there on
   * `address`.
   */
  static async start({ config = {}, accounts = [], netns, address = '127.0.0.1' } = {}) {
    if (!existsSync(BINARY)) throw new Error(`no binary at ${BINARY}: run ./test e2e, or cargo build`);
    const directory = mkdtempSync(path.join(scratch('server'), 'callbox-'));
    const file = path.join(directory, 'config.toml');
    writeFileSync(file, toToml(merge({
      data_dir: path.join(directory, 'data'),
      http: { listen: `${address}:0` },
      https: { listen: `${address}:0` },
      sip: { udp: `${address}:0`, tcp: `${address}:0`, tls: `${address}:0` },
      media: { port: 0 },
      log: { level: 'debug' },
    }, config)));
    const server = new Callbox({ directory, file, netns, address });
    for (const account of accounts) await server.addAccount(account);
    await server.launch();
    return server;
  }

  constructor(fields) {
    Object.assign(this, fields);
    this.said = '';
  }

  /** The page over plain HTTP. */
  get url() {
    return `http://${this.address}:${this.http}/`;
  }

  /** The page over TLS. */
  get secureUrl() {
    return `https://${this.address}:${this.https}/`;
  }

  /** For the Web SDK. */
  get wsUrl() {
    return `ws://${this.address}:${this.http}`;
  }

  /** Runs another command of the binary on the same configuration; gives what it printed. */
  command(args, { input } = {}) {
    return new Promise((resolve, reject) => {
      const [program, ...rest] = this.line([...args, '--config', this.file]);
      const child = spawn(program, rest, { stdio: ['pipe', 'pipe', 'pipe'] });
      let out = '';
      child.stdout.on('data', (chunk) => { out += chunk; });
      child.stderr.on('data', (chunk) => { out += chunk; });
      child.once('error', reject);
      child.once('close', (code) => (code === 0 ? resolve(out) : reject(new Error(`callbox ${args.join(' ')} ended with ${code}: ${out}`))));
      // A command that reads nothing may have ended before.
      child.stdin.once('error', () => {});
      child.stdin.end(input ?? '');
    });
  }

  addAccount({ name, password }) {
    return this.command(['account', 'add', name, '--password-stdin'], { input: `${password}\n` });
  }

  async launch() {
    const [program, ...args] = this.line(['serve', '--config', this.file]);
    this.process = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.gone = new Promise((resolve) => {
      this.process.once('exit', (code, signal) => resolve({ code, signal }));
    });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (chunk) => { this.said += chunk; });
    }
    const [line, http, https] = await until('Callbox says that it is ready', () => {
      if (this.process.exitCode !== null) throw new Error(`it ended: ${this.said}`);
      return READY.exec(this.said);
    }, START_DEADLINE_MS);
    this.http = Number(http);
    this.https = Number(https);
    this.sip = Object.fromEntries([...line.matchAll(/ sip-(\w+)=([^\s,]+)/g)].map((match) => match.slice(1)));
  }

  /** What `callbox status` says. */
  async status() {
    return JSON.parse(await this.command(['status', '--json']));
  }

  /** Waits until no call and no leg of one is left. */
  isEmpty(deadlineMs) {
    return until('no call and no leg is left', async () => {
      const { calls, media_workers: workers } = await this.status();
      const legs = workers.reduce((sum, worker) => sum + worker.legs, 0);
      if (calls > 0 || legs > 0) throw new Error(`${calls} calls, ${legs} legs`);
      return true;
    }, deadlineMs);
  }

  /** Everything it has written so far. */
  log() {
    return this.said;
  }

  /** Asks it to end and gives how it did: `{ code, signal }`. */
  async stop() {
    if (this.process.exitCode === null && this.process.signalCode === null) this.process.kill('SIGTERM');
    const timer = setTimeout(() => this.process.kill('SIGKILL'), STOP_DEADLINE_MS);
    const end = await this.gone;
    clearTimeout(timer);
    return end;
  }

  /** Ends it; a test that has come so far also demands that it ends well. */
  async stopWell() {
    const { code, signal } = await this.stop();
    if (code !== 0) throw new Error(`after SIGTERM Callbox ended with ${signal ?? code}:\n${this.said.slice(-3000)}`);
    if (/panicked at/.test(this.said)) throw new Error(`Callbox panicked:\n${this.said.slice(-3000)}`);
  }

  line(args) {
    return this.netns ? ['ip', 'netns', 'exec', this.netns, BINARY, ...args] : [BINARY, ...args];
  }
}

/** What `serve` prints when it can be used. */
const READY = /^listening http=\S*:(\d+) https=\S*:(\d+) media=\d+.*/m;

function merge(base, over) {
  const result = { ...base };
  for (const [key, value] of Object.entries(over)) {
    result[key] = isTable(value) && isTable(base[key]) ? merge(base[key], value) : value;
  }
  return result;
}

function isTable(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Top-level keys, then one table a name: all that a configuration of the tests needs. */
function toToml(config) {
  const entries = Object.entries(config);
  const line = ([key, value]) => `${key} = ${JSON.stringify(value)}`;
  const top = entries.filter(([, value]) => !isTable(value)).map(line);
  const tables = entries.filter(([, value]) => isTable(value))
    .map(([name, table]) => [`[${name}]`, ...Object.entries(table).map(line)].join('\n'));
  return [...top, ...tables, ''].join('\n');
}
