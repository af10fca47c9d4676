// Proofs that a person at a page hears and sees the far side: by its tone and its picture.
// A `page` is anything with `evaluate` (Playwright and Puppeteer both have it).

import { SIDES, TONES } from './sides.mjs';
import { until } from './wait.mjs';

/** A tone that arrives is louder than this, dB of full scale. */
const HEARD_DB = -45;
/** What counts as silence, dB of full scale. */
const SILENT_DB = -65;
/** The wanted tone stands out from every other one by this much. */
const MARGIN_DB = 15;
/** Largest distance of a colour channel from what was sent. */
const COLOUR_TOLERANCE = 60;

const LISTEN_SECONDS = 0.6;
const LOOKS = 8;

/** Waits until the tone of `sideName`, and of nobody else, comes out of `selector`. */
export async function hears(page, selector, sideName, deadlineMs) {
  const wanted = SIDES[sideName].tone;
  return until(`the tone of ${sideName} is heard`, async () => {
    const heard = await listen(page, selector, LISTEN_SECONDS);
    if (!heardOnly(heard, wanted)) throw new Error(JSON.stringify(heard));
    return heard;
  }, deadlineMs);
}

/** Waits until nothing of any side is heard from `selector` for a whole second. */
export async function hearsNothing(page, selector, deadlineMs) {
  return until('silence', async () => {
    const heard = await listen(page, selector, 1);
    if (!heardNothing(heard)) throw new Error(JSON.stringify(heard));
    return heard;
  }, deadlineMs);
}

/** Waits until `selector` shows the field of `sideName` with its bar walking. */
export async function sees(page, selector, sideName, deadlineMs) {
  const { colour } = SIDES[sideName];
  return until(`the moving picture of ${sideName} is seen`, async () => {
    const seen = await look(page, selector);
    if (!(showsColour(seen, colour) && barWalks(seen))) throw new Error(JSON.stringify(seen));
    return seen;
  }, deadlineMs);
}

/** Waits until `selector` shows no walking bar: a frozen, black or missing picture. */
export async function seesNoMotion(page, selector, deadlineMs) {
  return until('the picture stands still', async () => {
    const seen = await look(page, selector);
    if (barWalks(seen)) throw new Error(JSON.stringify(seen));
    return seen;
  }, deadlineMs);
}

/** Both proofs, for both sides of a call at once. */
export async function hearAndSeeEachOther(a, b, deadlineMs) {
  await Promise.all([
    hears(a.page, a.remote, b.side, deadlineMs),
    hears(b.page, b.remote, a.side, deadlineMs),
    sees(a.page, a.remote, b.side, deadlineMs),
    sees(b.page, b.remote, a.side, deadlineMs),
  ]);
}

/** What the pages' peer connections carry: see `traffic` in in-page.js. */
export function traffic(page) {
  return page.evaluate(() => window.__proof.traffic());
}

/** What the pages' peer connections send over: 'udp' or 'tcp' each. */
export function routes(page) {
  return page.evaluate(() => window.__proof.routes());
}

export function listen(page, selector, seconds) {
  return page.evaluate(
    ([s, f, d]) => window.__proof.hear(s, f, d),
    [selector, TONES, seconds],
  );
}

export function look(page, selector) {
  return page.evaluate(([s, n]) => window.__proof.look(s, n), [selector, LOOKS]);
}

/** The wanted tone is loud and stands out from the others. */
export function heardOnly(heard, wanted) {
  if (!heard.loudest) return false;
  const level = heard.loudest[wanted];
  const others = TONES.filter((t) => t !== wanted).map((t) => heard.loudest[t]);
  return level > HEARD_DB && others.every((other) => level - other > MARGIN_DB);
}

/** Nothing to hear with, or nothing to be heard. */
export function heardNothing(heard) {
  return heard.deaf !== undefined || TONES.every((t) => heard.loudest[t] < SILENT_DB);
}

export function showsColour(seen, colour) {
  return seen.field !== undefined
    && seen.field.every((channel, i) => Math.abs(channel - colour[i]) <= COLOUR_TOLERANCE);
}

/** The bar was there in most looks and stood at three places at least. */
export function barWalks(seen) {
  if (seen.bars === undefined) return false;
  const places = seen.bars.filter((place) => place !== null);
  return places.length >= LOOKS / 2 && new Set(places).size >= 3;
}

/** The two frequencies of each key (ITU-T Q.23). */
const KEYS = {
  1: [697, 1209], 2: [697, 1336], 3: [697, 1477],
  4: [770, 1209], 5: [770, 1336], 6: [770, 1477],
  7: [852, 1209], 8: [852, 1336], 9: [852, 1477],
  '*': [941, 1209], 0: [941, 1336], '#': [941, 1477],
};

/** Waits until the two tones of a telephone key come out of `selector` at once. */
export async function hearsKey(page, selector, key, deadlineMs) {
  const others = [697, 770, 852, 941, 1209, 1336, 1477].filter((f) => !KEYS[key].includes(f));
  return until(`the key ${key} is heard`, async () => {
    const heard = await page.evaluate(
      ([s, f]) => window.__proof.hear(s, f, 0.5),
      [selector, [...KEYS[key], ...others]],
    );
    const ok = heard.loudest
      && KEYS[key].every((f) => heard.loudest[f] > HEARD_DB)
      && KEYS[key].every((f) => others.every((o) => heard.loudest[f] - heard.loudest[o] > 6));
    if (!ok) throw new Error(JSON.stringify(heard));
    return heard;
  }, deadlineMs);
}
