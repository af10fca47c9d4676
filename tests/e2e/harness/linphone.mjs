// linphonec without sound hardware: it plays a file with a tone of its own, records what it hears,
// and is ordered about over its standard input. It signs in over TLS and asks for SDES keys.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { makeFixtures } from './fixtures.mjs';
import { scratch } from './paths.mjs';
import { heardOnly } from './proof.mjs';
import { SIDES, TONES } from './sides.mjs';
import { lastOf, level } from './sound.mjs';
import { until } from './wait.mjs';

const LISTEN_SECONDS = 0.5;
const STOP_DEADLINE_MS = 5_000;

/** A running linphonec. */
export class Linphone {
  /** Starts it under a name, and waits until it is registered. It sends the tone of `side`. */
  static async register(side, server, { name, password }) {
    const directory = mkdtempSync(path.join(scratch('linphone'), `${name}-`));
    const configuration = path.join(directory, 'linphonerc');
    const [, port] = server.sip.tls.split(':');
    writeFileSync(configuration, sections({
      sip: {
        verify_server_certs: 0, verify_server_cn: 0, use_ipv6: 0, sip_port: 0, sip_tcp_port: 0, sip_tls_port: -1,
        media_encryption: 'srtp', default_proxy: 0, register_only_when_network_is_up: 0, guess_hostname: 1,
      },
      rtp: { audio_rtp_port: -1, video_rtp_port: -1 },
      video: { enabled: 0, capture: 0, display: 0 },
      misc: { config_version: 1 },
      auth_info_0: { username: name, passwd: password, realm: 'localhost', domain: 'localhost' },
      proxy_0: {
        reg_proxy: `<sip:127.0.0.1:${port};transport=tls>`, reg_route: `<sip:127.0.0.1:${port};transport=tls;lr>`,
        reg_identity: `sip:${name}@localhost`, reg_expires: 600, reg_sendregister: 1, publish: 0,
      },
    }));
    const phone = new Linphone({ name, side, directory, configuration });
    phone.launch();
    await phone.says(/Registration on .* successful/);
    return phone;
  }

  constructor(fields) {
    Object.assign(this, fields);
    this.said = '';
    this.seen = 0;
    this.recording = path.join(this.directory, 'heard.wav');
  }

  launch() {
    this.process = spawn('linphonec', ['-c', this.configuration, '-d', '6', '-l', path.join(this.directory, 'log')], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, HOME: this.directory, XDG_DATA_HOME: this.directory, XDG_CONFIG_HOME: this.directory },
    });
    this.gone = new Promise((resolve) => { this.process.once('exit', resolve); });
    this.process.stdin.on('error', () => {});
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (chunk) => { this.said += chunk; });
    }
    const { audio } = makeFixtures(this.directory, this.side);
    this.order('soundcard use files');
    this.order(`play ${audio}`);
    this.order(`record ${this.recording}`);
  }

  order(line) {
    this.process.stdin.write(`${line}\n`);
  }

  call(name) {
    this.order(`call sip:${name}@localhost`);
  }

  answer() {
    this.order('answer');
  }

  hangUp() {
    this.order('terminate');
  }

  rung() {
    return this.says(/is contacting you/);
  }

  talking() {
    return this.says(/Call \d+ with .* connected/);
  }

  ended() {
    return this.says(/Call \d+ with .* ended/);
  }

  /** Waits until it says something of this kind that was not waited for before. */
  says(pattern, deadlineMs) {
    return until(`${this.name}'s linphonec says ${pattern}`, () => {
      const fresh = this.said.slice(this.seen);
      const match = pattern.exec(fresh);
      if (!match) throw new Error(fresh.slice(-500));
      this.seen += match.index + match[0].length;
      return match;
    }, deadlineMs);
  }

  /** Waits until the tone of `sideName`, and of nobody else, comes in. */
  hears(sideName, deadlineMs) {
    return until(`${this.name}'s linphonec hears the tone of ${sideName}`, () => {
      if (!existsSync(this.recording)) throw new Error('nothing has come in');
      const { samples, rate } = lastOf(this.recording, LISTEN_SECONDS);
      if (samples.length < rate * LISTEN_SECONDS) throw new Error('not enough has come in');
      const heard = { loudest: Object.fromEntries(TONES.map((tone) => [tone, level(samples, tone, rate)])) };
      if (!heardOnly(heard, SIDES[sideName].tone)) throw new Error(JSON.stringify(heard));
      return heard;
    }, deadlineMs);
  }

  log() {
    return this.said;
  }

  async stop() {
    if (this.process.exitCode === null && this.process.signalCode === null) this.order('quit');
    const timer = setTimeout(() => this.process.kill('SIGKILL'), STOP_DEADLINE_MS);
    await this.gone;
    clearTimeout(timer);
  }
}

function sections(tables) {
  return Object.entries(tables)
    .map(([name, table]) => [`[${name}]`, ...Object.entries(table).map(([key, value]) => `${key}=${value}`), ''].join('\n'))
    .join('\n');
}
