// A person at our own page. All knowledge of the page's hooks is here. Works with Playwright's
// and Puppeteer's pages alike.

import { until } from './wait.mjs';

const id = (name) => `[data-testid="${name}"]`;

export const REMOTE = id('remote-video');

export class PhonePerson {
  /** Opens the page and waits for the form. `limits` are those of ChromiumSide.newPage. */
  static async open(side, url, limits) {
    const page = await side.newPage(limits);
    const person = new PhonePerson(page, side.side);
    await page.goto(url);
    await until('the page asks for a name', () => person.visible('name'));
    return person;
  }

  /** Opens the page and signs in under `name`. */
  static async signIn(side, url, name, { password, limits } = {}) {
    const person = await PhonePerson.open(side, url, limits);
    await person.trySignIn(name, password);
    await person.idle();
    return person;
  }

  constructor(page, side) {
    this.page = page;
    this.side = side;
    this.remote = REMOTE;
    this.self = id('local-video');
  }

  // --- what a person does -------------------------------------------------------------------

  async trySignIn(name, password) {
    if ((password !== undefined) !== await this.visible('password')) await this.click('signin-kind');
    await this.fill('name', name);
    if (password !== undefined) await this.fill('password', password);
    await this.click('signin');
    this.name = name;
  }

  async signInAsProposed() {
    await until('a name is proposed', () => this.value('name'));
    await this.click('signin');
    await this.idle();
    this.name = await this.shownName();
  }

  /** Clicks somebody in the list of those who are here. */
  callByClick(name) {
    return this.page.evaluate(([row, button, shown]) => {
      const rows = [...document.querySelectorAll(row)];
      rows.find((r) => r.textContent.includes(shown)).querySelector(button).click();
    }, [id('person'), id('person-call'), name]);
  }

  async call(name, { video = true } = {}) {
    await this.backToLobby();
    await this.fill('dial-name', name);
    await this.click(video ? 'call-video' : 'call-audio');
  }

  answer({ video = true } = {}) {
    return this.click(video ? 'answer' : 'answer-audio');
  }

  /** Answers; gives the moment of the click, in milliseconds of wall-clock time. */
  answerTimed() {
    return this.page.evaluate((selector) => {
      document.querySelector(selector).click();
      return performance.timeOrigin + performance.now();
    }, id('answer'));
  }

  reject() {
    return this.click('decline');
  }

  hangUp() {
    return this.click('hangup');
  }

  async hold() {
    await this.click('hold');
    await this.is('held');
  }

  async resume() {
    await this.click('hold');
    await this.is('in-call');
  }

  mute() {
    return this.press('mute', true);
  }

  unmute() {
    return this.press('mute', false);
  }

  cameraOff() {
    return this.press('camera', false);
  }

  cameraOn() {
    return this.press('camera', true);
  }

  openKeypad() {
    return this.click('keypad');
  }

  key(digit) {
    return this.page.evaluate(([panel, text]) => {
      const keys = [...document.querySelectorAll(`${panel} button`)];
      keys.find((key) => key.textContent.trim().startsWith(text)).click();
    }, [id('keypad-panel'), digit]);
  }

  /** Closes the tab. */
  leave() {
    return this.page.close();
  }

  async reload() {
    await this.page.reload();
  }

  /** Puts the card of the call that was away. */
  async dismiss() {
    await this.click('ended-back');
    await this.idle();
  }

  async backToLobby() {
    if (await this.state() === 'ended') await this.dismiss();
  }

  // --- what a person sees -------------------------------------------------------------------

  idle(deadlineMs) {
    return this.is('idle', deadlineMs);
  }

  talking(deadlineMs) {
    return this.is('in-call', deadlineMs);
  }

  ended(deadlineMs) {
    return this.is('ended', deadlineMs);
  }

  /** It rings here, and the caller's name is shown. */
  async rung(caller) {
    await this.is('incoming');
    await until(`${caller} is shown`, async () => {
      const shown = await this.text('peer-name');
      if (shown !== caller) throw new Error(shown);
      return true;
    });
  }

  notRinging(deadlineMs) {
    return until('it does not ring any more', async () => !['incoming', 'ringing'].includes(await this.state()), deadlineMs);
  }

  /** Somebody of this name is listed as being here. */
  present(name) {
    return until(`${name} is listed`, async () => {
      const people = await this.text('people');
      if (!people.includes(name)) throw new Error(people);
      return true;
    });
  }

  /** The words about the call that was. */
  sentence() {
    return until('the page says what happened', () => this.text('ended-sentence'));
  }

  /** The words about a sign-in that was refused. */
  signInProblem() {
    return until('the page says why', async () => (await this.visible('signin-refusal')) && this.text('signin-refusal'));
  }

  /** The name that others see; the page may add the one to dial in brackets. */
  async shownName() {
    return (await this.text('me')).replace(/ \(.*\)$/, '');
  }

  offline(deadlineMs) {
    return until('the page knows that it is offline', async () => (await this.connection()) !== 'online', deadlineMs);
  }

  online(deadlineMs) {
    return until('the page is online', async () => (await this.connection()) === 'online', deadlineMs);
  }

  connection() {
    return this.page.evaluate(() => document.body.dataset.connection);
  }

  state() {
    return this.page.evaluate(() => document.body.dataset.state);
  }

  is(wanted, deadlineMs) {
    return until(`${this.name ?? 'the page'} is ${wanted}`, async () => {
      const state = await this.state();
      if (state !== wanted) throw new Error(state);
      return true;
    }, deadlineMs);
  }

  // --- by hook ------------------------------------------------------------------------------

  async click(hook) {
    await until(`${hook} can be clicked`, () => this.page.evaluate((selector) => {
      const element = document.querySelector(selector);
      return element && !element.disabled && element.checkVisibility();
    }, id(hook)));
    await this.page.click(id(hook));
  }

  async fill(hook, text) {
    await this.click(hook);
    await this.page.evaluate((selector) => document.querySelector(selector).select(), id(hook));
    await this.page.keyboard.type(text);
  }

  /** Presses a button that stays pressed, if it is not yet as wanted. */
  async press(hook, wanted) {
    const pressed = () => this.page.evaluate((selector) => document.querySelector(selector).ariaPressed, id(hook));
    if (await pressed() !== String(wanted)) await this.click(hook);
    await until(`${hook} is ${wanted}`, async () => (await pressed()) === String(wanted));
  }

  text(hook) {
    return this.page.evaluate((selector) => document.querySelector(selector).textContent.trim(), id(hook));
  }

  value(hook) {
    return this.page.evaluate((selector) => document.querySelector(selector).value, id(hook));
  }

  visible(hook) {
    return this.page.evaluate((selector) => document.querySelector(selector)?.checkVisibility() ?? false, id(hook));
  }
}

/** From `a` dialling to both talking. */
export async function establish(a, b, { call = {}, answer = {} } = {}) {
  await b.backToLobby();
  await a.call(b.name, call);
  await b.rung(a.name);
  await b.answer(answer);
  await Promise.all([a.talking(), b.talking()]);
}
