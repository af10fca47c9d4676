// Firefox in a network namespace of its own, driven over WebDriver BiDi. It refuses loopback
// candidates, so it is a host of its own with a cable to the server (netns.mjs). Its remote
// control listens on that host's loopback; a relay over a Unix socket makes it reachable.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';

import puppeteer from 'puppeteer-core';

import { silentLoudspeaker } from './loudspeaker.mjs';
import { IN_FIREFOX_SCRIPT, IN_PAGE_SCRIPT, scratch } from './paths.mjs';
import { SIDES } from './sides.mjs';
import { until } from './wait.mjs';

const EXECUTABLES = ['/usr/bin/firefox-esr', '/usr/bin/firefox'];

const PREFERENCES = {
  'media.navigator.permission.disabled': true,
  'media.navigator.streams.fake': true,
  'media.autoplay.default': 0,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'app.update.enabled': false,
  'app.normandy.enabled': false,
  'browser.safebrowsing.malware.enabled': false,
  'browser.safebrowsing.phishing.enabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'browser.startup.page': 0,
  'browser.newtabpage.enabled': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'extensions.update.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'network.dns.disablePrefetch': true,
  'remote.active-protocols': 1,
  'services.settings.server': '',
  'toolkit.telemetry.enabled': false,
  'toolkit.telemetry.reportingpolicy.firstRun': false,
};

/** A running Firefox whose microphone sends the tone of `side` and whose camera its colours. */
export class FirefoxSide {
  static async launch(side, netns) {
    const profile = mkdtempSync(path.join(scratch('firefox'), 'profile-'));
    const lines = Object.entries({ ...PREFERENCES, 'media.navigator.audio.fake_frequency': SIDES[side].tone })
      .map(([key, value]) => `user_pref(${JSON.stringify(key)}, ${JSON.stringify(value)});`);
    writeFileSync(path.join(profile, 'user.js'), lines.join('\n'));

    const loudspeaker = await silentLoudspeaker();

    // The relay listens on the same port outside: Firefox checks the Host header.
    const port = await freePort();
    const socket = path.join(profile, 'relay.sock');
    const inside = spawn('ip', ['netns', 'exec', netns, process.execPath, '-e', RELAY, socket, String(port)],
      { stdio: ['ignore', 'ignore', 'inherit'] });
    const outside = net.createServer((near) => join(near, net.connect(socket)));
    await new Promise((resolve) => { outside.listen(port, '127.0.0.1', resolve); });

    const process_ = spawn('ip', ['netns', 'exec', netns, executable(), '--headless', '--no-remote',
      '--profile', profile, '--remote-debugging-port', String(port), 'about:blank'],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...loudspeaker.environment, HOME: profile, MOZ_CRASHREPORTER_DISABLE: '1' } });
    let said = '';
    for (const stream of [process_.stdout, process_.stderr]) {
      stream.on('data', (chunk) => { said += chunk; });
    }
    const end = async () => {
      outside.close();
      inside.kill();
      if (process_.exitCode === null && process_.signalCode === null) {
        const gone = new Promise((resolve) => { process_.once('exit', resolve); });
        process_.kill();
        await gone;
      }
      await loudspeaker.end();
    };
    try {
      await until('Firefox listens for its driver', () => {
        if (process_.exitCode !== null) throw new Error(`it ended: ${said}`);
        return existsSync(socket) && said.includes('WebDriver BiDi listening');
      }, 60_000);
      const browser = await puppeteer.connect({
        browserWSEndpoint: `ws://127.0.0.1:${port}/session`,
        protocol: 'webDriverBiDi',
        acceptInsecureCerts: true,
        defaultViewport: { width: 1280, height: 800 },
      });
      return new FirefoxSide(side, browser, end);
    } catch (error) {
      await end();
      throw new Error(`${error.message}\nFirefox said: ${said.slice(-2000)}`);
    }
  }

  constructor(side, browser, end) {
    this.side = side;
    this.browser = browser;
    this.end = end;
    this.contexts = [];
    this.opened = [];
  }

  async newPage() {
    const context = await this.browser.createBrowserContext();
    this.contexts.push(context);
    const page = await context.newPage();
    page.said = [];
    this.opened.push(page);
    page.on('console', (message) => page.said.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => page.said.push(`uncaught: ${error.stack ?? error}`));
    const colour = `window.__colour = ${JSON.stringify(SIDES[this.side].colour)};`;
    for (const script of [readFileSync(IN_PAGE_SCRIPT, 'utf8'), colour + readFileSync(IN_FIREFOX_SCRIPT, 'utf8')]) {
      await page.evaluateOnNewDocument(script);
    }
    return page;
  }

  pages() {
    return this.opened;
  }

  async clear() {
    this.opened = [];
    await Promise.all(this.contexts.splice(0).map((context) => context.close()));
  }

  async close() {
    await this.browser.close().catch(() => {});
    await this.end();
  }
}

/** Inside the namespace: a Unix socket, which is seen outside too, in front of a port. */
const RELAY = `
const net = require('node:net');
const [socket, port] = process.argv.slice(1);
net.createServer((near) => {
  const far = net.connect(Number(port), '127.0.0.1');
  for (const [from, to] of [[near, far], [far, near]]) {
    from.pipe(to);
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
  }
}).listen(socket);
`;

function join(near, far) {
  for (const [from, to] of [[near, far], [far, near]]) {
    from.pipe(to);
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
  }
}

/** A port that nobody listens on now. */
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

function executable() {
  const found = process.env.FIREFOX ?? EXECUTABLES.find((file) => existsSync(file));
  if (!found) throw new Error('no Firefox found: install the package firefox-esr or set FIREFOX');
  return found;
}
