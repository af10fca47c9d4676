// People at our page, at a page with JsSIP and at telephones: all have the same words, so that what
// they do with each other is said once.

import { PhonePerson } from './phone.mjs';
import { hears, hearsKey, hearsNothing } from './proof.mjs';
import { SipPerson } from './sip.mjs';

const TIMES = 3;

/**
 * Somebody at our page in `browser`, with the words of a telephone. `limits` are those of
 * ChromiumSide.newPage.
 */
export async function atThePage(browser, server, name, limits) {
  const person = await PhonePerson.signIn(browser, server.url, name, { limits });
  return {
    ...inBrowser(person),
    name,
    rung: () => person.is('incoming'),
    // Of a call without a picture there is one way to answer.
    answer: () => person.answer(),
    hold: () => person.hold(),
    resume: () => person.resume(),
    async keys(digits) {
      await person.openKeypad();
      for (const digit of digits) await person.key(digit);
      await person.openKeypad();
    },
    async ended() {
      await person.ended();
      await person.dismiss();
    },
  };
}

/** Somebody at a page with JsSIP, over WSS. */
export async function atJsSip(browser, web, server, name) {
  const person = await SipPerson.register(browser, web, server, name, { secure: true });
  return {
    ...inBrowser(person),
    name,
    rung: (caller) => person.rung(caller.name),
    hold: () => person.hold(),
    resume: () => person.resume(),
    keys: (digits) => person.key(digits),
    ended: () => person.ended(),
  };
}

function inBrowser(person) {
  return {
    side: person.side,
    call: (callee) => person.call(callee, { video: false }),
    answer: () => person.answer({ video: false }),
    hangUp: () => person.hangUp(),
    talking: () => person.talking(),
    hears: (side) => hears(person.page, person.remote, side),
    hearsNothing: () => hearsNothing(person.page, person.remote),
    hearsKey: (key) => hearsKey(person.page, person.remote, key),
  };
}

export const hearEachOther = (one, other) => Promise.all([one.hears(other.side), other.hears(one.side)]);

export async function talk(caller, callee) {
  await caller.call(callee.name);
  await callee.rung(caller);
  await callee.answer();
  await Promise.all([caller.talking(), callee.talking()]);
  await hearEachOther(caller, callee);
}

export async function hangUp(server, who, other) {
  await who.hangUp();
  await Promise.all([who.ended(), other.ended()]);
  await server.isEmpty();
}

/** Each calls the other, both hear each other, and each hangs up. */
export async function callEachOther(server, one, other) {
  for (const [caller, callee] of [[one, other], [other, one]]) {
    await talk(caller, callee);
    await hangUp(server, callee, caller);
  }
}

/**
 * `who` puts the other on hold and takes him back, again and again. Meanwhile the other hears nothing,
 * or the server's music.
 */
export async function holdAndResume(who, other, { music = false } = {}) {
  for (let i = 0; i < TIMES; i += 1) {
    await who.hold();
    await Promise.all([who.hearsNothing(), music ? other.hears('music') : other.hearsNothing()]);
    await who.resume();
    await hearEachOther(who, other);
  }
}

export async function pressKeys(one, other) {
  // Several, for a browser does no more than play them; and it listens before they come.
  await Promise.all([other.hearsKey('5'), one.keys('5555')]);
  await Promise.all([one.hearsKey('8'), other.keys('8888')]);
}

/** A call in which both hold and press keys, and the caller hangs up. */
export async function useAll(server, caller, callee, options) {
  await talk(caller, callee);
  for (const [who, other] of [[caller, callee], [callee, caller]]) {
    if (who.hold) await holdAndResume(who, other, options);
  }
  await pressKeys(caller, callee);
  await hangUp(server, caller, callee);
}
