// Chromium with a known microphone and camera. The fake devices are set per process, so each
// side of a call is a process of its own.

import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { chromium } from 'playwright-core';

import { makeFixtures } from './fixtures.mjs';
import { IN_LIMITED_SCRIPT, IN_PAGE_SCRIPT, scratch } from './paths.mjs';

const EXECUTABLES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  '--autoplay-policy=no-user-gesture-required',
];

/**
 * A running Chromium that sends the tone and picture of `side`.
 * With `netns` it lives in that network namespace (see netns.mjs); `grainy` is as in fixtures.mjs.
 * `audio` is a WAV file to send instead of the tone, `scripts` run in each page before its own.
 */
export class ChromiumSide {
  static async launch(side, { netns, grainy, audio, flags = [], scripts = [] } = {}) {
    const made = makeFixtures(scratch('media'), side, { grainy });
    const browser = await chromium.launch({
      executablePath: netns ? inNamespace(netns) : executable(),
      headless: true,
      args: [
        ...FLAGS,
        `--use-file-for-fake-audio-capture=${audio ?? made.audio}`,
        `--use-file-for-fake-video-capture=${made.video}`,
        ...flags,
      ],
    });
    return new ChromiumSide(side, browser, scripts);
  }

  constructor(side, browser, scripts) {
    this.side = side;
    this.browser = browser;
    this.scripts = scripts;
    this.contexts = [];
    this.opened = [];
  }

  /**
   * A new page in a context of its own: storage is shared with no other page. With `onlyCodec`
   * (a MIME type for each kind that is limited) its browser knows no other.
   */
  async newPage({ onlyCodec } = {}) {
    const context = await this.browser.newContext({ ignoreHTTPSErrors: true });
    this.contexts.push(context);
    for (const path of [IN_PAGE_SCRIPT, ...this.scripts]) await context.addInitScript({ path });
    if (onlyCodec) {
      await context.addInitScript((codec) => { window.__onlyCodec = codec; }, onlyCodec);
      await context.addInitScript({ path: IN_LIMITED_SCRIPT });
    }
    const page = await context.newPage();
    page.said = [];
    this.opened.push(page);
    page.on('console', (message) => page.said.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => page.said.push(`uncaught: ${error.stack ?? error}`));
    return page;
  }

  /** Every page since the last `clear`, closed ones too. */
  pages() {
    return this.opened;
  }

  /** Closes all pages, so that the next test starts from nothing. */
  async clear() {
    this.opened = [];
    await Promise.all(this.contexts.splice(0).map((context) => context.close()));
  }

  async close() {
    await this.browser.close();
  }
}

function executable() {
  const found = process.env.CHROMIUM ?? EXECUTABLES.find((file) => existsSync(file));
  if (!found) throw new Error('no Chromium found: install the package chromium or set CHROMIUM');
  return found;
}

function inNamespace(netns) {
  const wrapper = path.join(scratch('bin'), `chromium-${netns}`);
  writeFileSync(wrapper, `#!/bin/sh\nexec ip netns exec ${netns} ${executable()} "$@"\n`);
  chmodSync(wrapper, 0o755);
  return wrapper;
}
