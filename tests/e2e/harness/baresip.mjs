// A baresip without sound hardware: it sends a tone of its own, writes down what it hears, and is
// ordered about over its control port.

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';

import { scratch } from './paths.mjs';
import { heardNothing, heardOnly } from './proof.mjs';
import { SIDES, TONES } from './sides.mjs';
import { lastOf, level } from './sound.mjs';
import { until } from './wait.mjs';

const MODULES = '/usr/lib/baresip/modules';
const LISTEN_SECONDS = 0.5;
const STOP_DEADLINE_MS = 5_000;

/** A running baresip. */
export class Baresip {
  /**
   * Starts it under a name, and waits until it is registered. It sends the tone of `side`.
   * `account` are further parameters of its account, e.g. `audio_codecs=PCMA`.
   */
  static async register(side, server, { name, password, transport = 'udp', account = [], modules = [] }) {
    const phone = await Baresip.start(side, server, { name, password, transport, account, modules });
    await phone.event('REGISTER_OK');
    return phone;
  }

  static async start(side, server, { name, password, transport = 'udp', account = [], modules = [] }) {
    const directory = mkdtempSync(path.join(scratch('baresip'), `${name}-`));
    const heard = path.join(directory, 'heard');
    mkdirSync(heard);
    const control = await freePort();
    const lines = [
      'poll_method epoll',
      'sip_listen 127.0.0.1:0',
      `audio_source ausine,${SIDES[side].tone}`,
      'audio_player aubridge,nobody',
      'audio_alert aubridge,nobody',
      'ausrc_channels 1',
      'auplay_channels 1',
      'audio_level no',
      'rtp_timeout 0',
      `module_path ${MODULES}`,
      ...['g711.so', 'ausine.so', 'aubridge.so', 'sndfile.so', ...modules].map((it) => `module ${it}`),
      'module_tmp account.so',
      'module_app menu.so',
      'module_app ctrl_tcp.so',
      `ctrl_tcp_listen 127.0.0.1:${control}`,
      `snd_path ${heard}`,
      '',
    ];
    writeFileSync(path.join(directory, 'config'), lines.join('\n'));
    const parameters = [
      `auth_user=${name}`,
      ...(password === undefined ? [] : [`auth_pass=${password}`]),
      `outbound="sip:${server.sip[transport]};transport=${transport}"`,
      'regint=600',
      ...account,
    ];
    writeFileSync(path.join(directory, 'accounts'), `<sip:${name}@localhost;transport=${transport}>;${parameters.join(';')}\n`);
    writeFileSync(path.join(directory, 'contacts'), '');
    const phone = new Baresip({ name, side, heard, directory, control });
    await phone.launch();
    return phone;
  }

  constructor(fields) {
    Object.assign(this, fields);
    this.said = '';
    this.events = [];
    this.seen = 0;
  }

  async launch() {
    this.process = spawn('baresip', ['-f', this.directory, '-v'], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.gone = new Promise((resolve) => { this.process.once('exit', resolve); });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (chunk) => { this.said += chunk; });
    }
    this.socket = await until(`${this.name}'s baresip takes orders`, () => {
      if (this.process.exitCode !== null) throw new Error(`it ended: ${this.said}`);
      return connect(this.control);
    });
    let waiting = '';
    this.socket.setEncoding('utf8');
    this.socket.on('data', (chunk) => {
      const { messages, rest } = netstrings(waiting + chunk);
      waiting = rest;
      this.events.push(...messages.filter((message) => message.event));
    });
  }

  // --- what a person does -------------------------------------------------------------------

  call(name) {
    this.order('dial', `sip:${name}@localhost`);
  }

  answer() {
    this.order('accept');
  }

  hangUp() {
    this.order('hangup');
  }

  key(digit) {
    this.order('sndcode', digit);
  }

  order(command, params = '') {
    const order = JSON.stringify({ command, params, token: command });
    this.socket.write(`${order.length}:${order},`);
  }

  // --- what a person notices ----------------------------------------------------------------

  /** Waits for the next event of this kind, and gives it. */
  event(type, deadlineMs) {
    return until(`${this.name}'s baresip says ${type}`, () => {
      const at = this.events.findIndex((event, n) => n >= this.seen && event.type === type);
      if (at < 0) throw new Error(JSON.stringify(this.events.slice(this.seen).map((event) => event.type)));
      this.seen = at + 1;
      return this.events[at];
    }, deadlineMs);
  }

  rung() {
    return this.event('CALL_INCOMING');
  }

  talking() {
    return this.event('CALL_ESTABLISHED');
  }

  ended() {
    return this.event('CALL_CLOSED');
  }

  /** Waits until the tone of `sideName`, and of nobody else, comes in. */
  hears(sideName, deadlineMs) {
    return until(`${this.name}'s baresip hears the tone of ${sideName}`, () => {
      const heard = this.listen();
      if (!heardOnly(heard, SIDES[sideName].tone)) throw new Error(JSON.stringify(heard));
      return heard;
    }, deadlineMs);
  }

  hearsNothing(deadlineMs) {
    return until(`${this.name}'s baresip hears nothing`, () => {
      const heard = this.listen();
      if (!heardNothing(heard)) throw new Error(JSON.stringify(heard));
      return heard;
    }, deadlineMs);
  }

  /** The level of each tone, dB, in what came in last. */
  listen() {
    const files = readdirSync(this.heard).filter((name) => name.endsWith('-dec.wav')).sort();
    if (files.length === 0) return { deaf: 'nothing has come in' };
    const { samples, rate } = lastOf(path.join(this.heard, files.at(-1)), LISTEN_SECONDS);
    if (samples.length < rate * LISTEN_SECONDS) return { deaf: 'not enough has come in' };
    return { loudest: Object.fromEntries(TONES.map((tone) => [tone, level(samples, tone, rate)])) };
  }

  // ------------------------------------------------------------------------------------------

  /** What it has written so far. */
  log() {
    return this.said;
  }

  async stop() {
    this.socket?.destroy();
    if (this.process.exitCode === null && this.process.signalCode === null) this.process.kill('SIGTERM');
    const timer = setTimeout(() => this.process.kill('SIGKILL'), STOP_DEADLINE_MS);
    await this.gone;
    clearTimeout(timer);
  }
}

/** A TCP port that nobody has. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function connect(port) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.removeListener('error', reject);
      socket.on('error', () => {});
      resolve(socket);
    });
  });
}

/** The JSON messages in `text`, each as `LENGTH:TEXT,`, and what is left of it. */
function netstrings(text) {
  const messages = [];
  let rest = Buffer.from(text);
  for (;;) {
    const colon = rest.indexOf(':');
    const length = Number(rest.subarray(0, Math.max(colon, 0)).toString());
    if (colon < 0 || rest.length < colon + length + 2) return { messages, rest: rest.toString() };
    messages.push(JSON.parse(rest.subarray(colon + 1, colon + 1 + length).toString()));
    rest = rest.subarray(colon + length + 2);
  }
}
