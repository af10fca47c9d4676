// A baresip, which takes its orders over a control port.

import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';

import { scratch } from './paths.mjs';
import { SIDES } from './sides.mjs';
import { Telephone } from './telephone.mjs';
import { until } from './wait.mjs';

/** What it says of the bits a second that it sends and receives. */
const RECEIVES = /audio=\d+\/[3-9]\d{4} /;
const RECEIVES_NOTHING = /audio=\d+\/0 /;

const MODULES = '/usr/lib/baresip/modules';

/** A running baresip. */
export class Baresip extends Telephone {
  /**
   * Starts it under a name, and waits until it is registered. It sends the tone of `side`.
   * `account` are further parameters of its account, e.g. `audio_codecs=PCMA`, and `modules` what
   * they need.
   */
  static async register(side, server, { name, password, transport = 'udp', account = [], modules = [] }) {
    const directory = mkdtempSync(path.join(scratch('baresip'), `${name}-`));
    const heard = path.join(directory, 'heard');
    mkdirSync(heard);
    const control = await freePort();
    const parameters = [
      `auth_user=${name}`, `auth_pass=${password}`, `outbound="sip:${server.sip[transport]};transport=${transport}"`,
      'regint=600', ...account,
    ];
    const files = {
      config: configuration({ tone: SIDES[side].tone, control, heard, modules }),
      accounts: [`<sip:${name}@localhost;transport=${transport}>;${parameters.join(';')}`],
      contacts: [],
    };
    for (const [file, lines] of Object.entries(files)) {
      writeFileSync(path.join(directory, file), `${lines.join('\n')}\n`);
    }
    const phone = new Baresip({ name, side, directory, dumps: heard, control });
    try {
      await phone.begin();
      return phone;
    } catch (error) {
      await phone.stop();
      throw error;
    }
  }

  async begin() {
    this.launch('baresip', ['-f', this.directory, '-v', '-s']);
    await this.says(/200 OK .*\[1 binding\]/);
    this.socket = await until(`${this.name}'s baresip takes orders`, () => connect(this.control));
    this.socket.setEncoding('utf8');
    let waiting = '';
    this.events = [];
    this.seen = 0;
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

  hold() {
    this.heldItself = true;
    this.order('hold');
  }

  resume() {
    this.order('resume');
  }

  keys(digits) {
    this.order('sndcode', digits);
  }

  order(command, params = '') {
    const order = JSON.stringify({ command, params, token: command });
    this.socket.write(`${order.length}:${order},`);
  }

  // --- what a person notices ----------------------------------------------------------------

  rung() {
    return this.event('CALL_INCOMING');
  }

  async talking() {
    this.heldItself = false;
    return this.event('CALL_ESTABLISHED');
  }

  ended() {
    return this.event('CALL_CLOSED');
  }

  /** Its call did not come about. */
  refused() {
    return this.ended();
  }

  /** Waits until this key is pressed at the other side. */
  hearsKey(digit) {
    return this.event('CALL_DTMF_START', (event) => event.param === digit);
  }

  /** Waits for the next event of this kind, and gives it. */
  event(type, wanted = () => true) {
    return until(`${this.name}'s baresip says ${type}`, () => {
      const at = this.events.findIndex((event, n) => n >= this.seen && event.type === type && wanted(event));
      if (at < 0) throw new Error(JSON.stringify(this.events.slice(this.seen).map((event) => event.type)));
      this.seen = at + 1;
      return this.events[at];
    });
  }

  /**
   * Once its call was changed, by a hold of either side, baresip 1.0 writes down no more of what
   * comes in; that something does is all there is to tell then.
   */
  get isDeaf() {
    const begun = this.said.lastIndexOf('call: stream start');
    return this.heldItself || this.said.indexOf('call: update media', begun) >= 0;
  }

  hears(side, deadlineMs) {
    if (!this.isDeaf) return super.hears(side, deadlineMs);
    this.noticed = this.said.length;
    return this.says(RECEIVES, deadlineMs);
  }

  hearsNothing(deadlineMs) {
    if (!this.isDeaf) return super.hearsNothing(deadlineMs);
    this.noticed = this.said.length;
    return this.says(RECEIVES_NOTHING, deadlineMs);
  }

  /** A file for each call. */
  get recording() {
    const last = readdirSync(this.dumps).filter((name) => name.endsWith('-dec.wav')).sort().at(-1);
    return path.join(this.dumps, last ?? 'nothing');
  }

  quit() {
    this.socket?.destroy();
    this.process.kill('SIGTERM');
  }
}

/** Its tone is made at 48 kHz, in stereo, or not at all. */
function configuration({ tone, control, heard, modules }) {
  return [
    'poll_method epoll',
    'sip_listen 127.0.0.1:0',
    `audio_source ausine,${tone}`,
    'ausrc_srate 48000',
    'ausrc_channels 2',
    'audio_player aubridge,nobody',
    'audio_alert aubridge,nobody',
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
  ];
}

/** A TCP port that nobody has. */
function freePort() {
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
