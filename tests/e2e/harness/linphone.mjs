// A linphonec, which takes its orders from its standard input.

import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { makeFixtures } from './fixtures.mjs';
import { scratch } from './paths.mjs';
import { Telephone } from './telephone.mjs';
import { until } from './wait.mjs';

/** What it wants of media where its signalling is safe, and where it is not. */
const ENCRYPTION = { tls: 'srtp', udp: 'none' };

/** It does not say by itself that it is registered: it is asked as often. */
const REGISTERED_YET_MS = 200;

/** A running linphonec. */
export class Linphone extends Telephone {
  /**
   * Starts it under a name, and waits until it is registered. It sends the tone of `side`; over
   * TLS it wants SDES keys. With `codec`, e.g. `speex/8000`, it knows no other.
   */
  static async register(side, server, { name, password, transport = 'tls', codec }) {
    const directory = mkdtempSync(path.join(scratch('linphone'), `${name}-`));
    // It makes no directory itself, and does without its database then, and without a network.
    for (const it of ['.local/share/linphone', '.config/linphone']) mkdirSync(path.join(directory, it), { recursive: true });
    const proxy = `sip:${server.sip[transport]};transport=${transport}`;
    const configuration = path.join(directory, 'linphonerc');
    writeFileSync(configuration, sections({
      sip: {
        sip_port: ANY_PORT, sip_tcp_port: NO_PORT, sip_tls_port: NO_PORT, use_ipv6: 0, guess_hostname: 1,
        verify_server_certs: 0, verify_server_cn: 0, media_encryption: ENCRYPTION[transport], default_proxy: 0,
      },
      rtp: { audio_rtp_port: ANY_PORT, video_rtp_port: ANY_PORT },
      video: { enabled: 0, capture: 0, display: 0 },
      misc: { config_version: 1 },
      auth_info_0: { username: name, passwd: password, realm: 'localhost', domain: 'localhost' },
      proxy_0: {
        reg_proxy: `<${proxy}>`, reg_route: `<${proxy};lr>`, reg_identity: `sip:${name}@localhost`,
        reg_expires: 600, reg_sendregister: 1, publish: 0,
      },
      ...codecs(codec),
    }));
    const phone = new Linphone({
      name, side, directory, configuration, recording: path.join(directory, 'heard.wav'), diary: path.join(directory, 'log'),
    });
    try {
      await phone.begin();
      return phone;
    } catch (error) {
      await phone.stop();
      throw error;
    }
  }

  async begin() {
    const { directory } = this;
    this.launch('linphonec', ['-c', this.configuration, '-d', '6', '-l', this.diary], {
      input: 'pipe',
      env: { HOME: directory, XDG_DATA_HOME: path.join(directory, '.local/share'), XDG_CONFIG_HOME: path.join(directory, '.config') },
    });
    this.process.stdin.on('error', () => {});
    const { audio } = makeFixtures(directory, this.side);
    this.order('soundcard use files');
    this.order(`play ${audio}`);
    this.order(`record ${this.recording}`);
    await until(`${this.name}'s linphonec is registered`, () => {
      this.order('status register');
      return this.says(/registered, identity=/, REGISTERED_YET_MS);
    });
  }

  order(line) {
    this.process.stdin.write(`${line}\n`);
  }

  // --- what a person does -------------------------------------------------------------------

  call(name) {
    this.order(`call sip:${name}@localhost`);
  }

  answer() {
    this.order('answer');
  }

  hangUp() {
    this.order('terminate');
  }

  hold() {
    this.order('pause');
  }

  resume() {
    this.order('resume');
  }

  keys(digits) {
    for (const digit of digits) this.order(digit);
  }

  // --- what a person notices ----------------------------------------------------------------

  rung() {
    return this.says(/Receiving new incoming call/);
  }

  talking() {
    return this.says(/Call \d+ with .* connected/);
  }

  ended() {
    return this.says(/Call \d+ with .* ended/);
  }

  /** Its call did not come about. */
  refused() {
    return this.says(/Call \d+ with .* error/);
  }

  /** Waits until this key is pressed at the other side. */
  hearsKey(digit) {
    return this.says(new RegExp(`Receiving tone ${digit} from`));
  }

  /** It writes the header of its file when the call is over. */
  get samplingRate() {
    const rates = readFileSync(this.diary, 'utf8').matchAll(/-->MSFileRec:\S+ from rate \[\d+\] to rate \[(\d+)\]/g);
    return Number([...rates].at(-1)?.[1] ?? 8000);
  }

  quit() {
    this.order('quit');
  }
}

/** In its words. */
const ANY_PORT = -1;
const NO_PORT = -2;

/** It takes in what it is not told of: all have to be named. */
const CODECS = ['opus/48000', 'speex/8000', 'speex/16000', 'speex/32000', 'PCMU/8000', 'PCMA/8000', 'GSM/8000', 'G722/8000', 'G729/8000', 'BV16/8000', 'L16/44100'];

function codecs(only) {
  if (!only) return {};
  return Object.fromEntries(CODECS.map((codec, n) => {
    const [mime, rate] = codec.split('/');
    const channels = mime === 'opus' ? 2 : 1;
    return [`audio_codec_${n}`, { mime, rate, channels, enabled: Number(codec === only) }];
  }));
}

function sections(tables) {
  return Object.entries(tables)
    .map(([name, table]) => [`[${name}]`, ...Object.entries(table).map(([key, value]) => `${key}=${value}`), ''].join('\n'))
    .join('\n');
}
