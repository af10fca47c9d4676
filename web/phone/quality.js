// @ts-check
// How well a call flows: the browser's own statistics and the server's, as numbers and in words.

import { percent } from '../shared/format.js';

const INTERVAL_MS = 2_000;
const STEPS = /** @type {const} */ (['excellent', 'good', 'fair', 'poor']);
const NAMES = { excellent: 'Excellent', good: 'Good', fair: 'Fair', poor: 'Poor', silent: 'Interrupted' };
/** Up to which value a connection is excellent, good, fair. */
const LOSS = [0.01, 0.025, 0.08];
const ROUND_TRIP_MS = [180, 320, 650];
const JITTER_MS = [30, 60, 120];
/** Silent intervals in a row before it is said. */
const SILENT_INTERVALS = 2;

/**
 * @typedef {typeof STEPS[number] | 'silent'} Level
 * @typedef {{ codec: string, loss: number | null, jitterMs: number | null, kbps: number,
 *   width: number, height: number, fps: number, packets: number }} Flow
 * @typedef {{ audioIn?: Flow, audioOut?: Flow, videoIn?: Flow, videoOut?: Flow }} Flows
 * @typedef {{ level: Level, words: string, flows: Flows, roundTripMs: number | null,
 *   mos: number | null, pictureArrives: boolean }} Reading
 * @typedef {{ streams?: { kind: string, sent: { loss: number | null },
 *   received: { loss: number | null } }[], round_trip_ms?: number | null, mos?: number | null,
 *   words?: string, alarm?: string }} ServerQuality
 */

export class QualityMeter {
  #read;
  #name;
  #tell;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer;
  /** @type {RTCStatsReport | undefined} */
  #before;
  /** @type {ServerQuality | null} */
  #server = null;
  #silent = 0;

  /**
   * @param {() => Promise<RTCStatsReport>} read
   * @param {string} name of the far side
   * @param {(reading: Reading) => void} tell
   */
  constructor(read, name, tell) {
    this.#read = read;
    this.#name = name;
    this.#tell = tell;
  }

  start() {
    this.#timer ??= setInterval(() => void this.#measure(), INTERVAL_MS);
  }

  stop() {
    clearInterval(this.#timer);
  }

  /** @param {ServerQuality} quality */
  serverSays(quality) {
    this.#server = quality;
  }

  async #measure() {
    const report = await this.#read().catch(() => undefined);
    if (!report) return;
    const before = this.#before;
    this.#before = report;
    if (!before) return;
    const flows = flowsOf(report, before);
    const arriving = (flows.audioIn?.packets ?? 0) + (flows.videoIn?.packets ?? 0);
    this.#silent = arriving > 0 ? 0 : this.#silent + 1;
    this.#tell(judge(flows, {
      roundTripMs: roundTrip(report),
      server: this.#server,
      silent: this.#silent >= SILENT_INTERVALS,
      name: this.#name,
    }));
  }
}

/**
 * @param {Flows} flows
 * @param {{ roundTripMs: number | null, server: ServerQuality | null, silent: boolean,
 *   name: string }} more
 * @returns {Reading}
 */
export function judge(flows, { roundTripMs, server, silent, name }) {
  const lossIn = worst(flows.audioIn?.loss, flows.videoIn?.loss);
  const lossOut = worst(flows.audioOut?.loss, flows.videoOut?.loss, ...(server?.streams ?? []).map(({ sent }) => sent.loss));
  const jitterMs = worst(flows.audioIn?.jitterMs);
  const delayMs = worst(roundTripMs, server?.round_trip_ms);
  const faults = [
    { step: step(lossIn, LOSS), words: `${percent(lossIn)} of ${name}’s packets get lost on the way to you` },
    { step: step(lossOut, LOSS), words: `${percent(lossOut)} of your packets get lost on the way to ${name}` },
    { step: step(delayMs, ROUND_TRIP_MS), words: `sound takes ${(delayMs / 1000).toFixed(1)} s to the server and back` },
    { step: step(jitterMs, JITTER_MS), words: `${name}’s packets arrive unevenly` },
    { step: server?.alarm ? LOSS.length : 0, words: 'one of you is not heard' },
  ];
  const fault = faults.reduce((a, b) => (b.step > a.step ? b : a));
  /** @type {Level} */
  const level = silent ? 'silent' : STEPS[fault.step];
  const tail = silent ? `nothing arrives from ${name}` : fault.step >= 2 && fault.words;
  return {
    level,
    words: tail ? `${NAMES[level]}: ${tail}` : NAMES[level],
    flows,
    roundTripMs: delayMs || null,
    mos: server?.mos ?? null,
    pictureArrives: (flows.videoIn?.packets ?? 0) > 0,
  };
}

/** @param {...(number | null | undefined)} values */
function worst(...values) {
  return Math.max(0, ...values.filter((value) => typeof value === 'number'));
}

/**
 * @param {number} value
 * @param {number[]} limits
 */
function step(value, limits) {
  const at = limits.findIndex((limit) => value <= limit);
  return at < 0 ? limits.length : at;
}

/**
 * @param {RTCStatsReport} report
 * @param {RTCStatsReport} before
 */
function flowsOf(report, before) {
  /** @type {Flows} */
  const flows = {};
  for (const entry of report.values()) {
    const inbound = entry.type === 'inbound-rtp';
    if (!inbound && entry.type !== 'outbound-rtp') continue;
    const key = /** @type {keyof Flows} */ (`${entry.kind}${inbound ? 'In' : 'Out'}`);
    const flow = flowOf(entry, before.get(entry.id), report, inbound);
    // A stream that was replaced leaves its silent entry behind.
    if (!flows[key] || flow.packets > flows[key].packets) flows[key] = flow;
  }
  return flows;
}

/**
 * @param {any} entry
 * @param {any} before
 * @param {RTCStatsReport} report
 * @param {boolean} inbound
 * @returns {Flow}
 */
function flowOf(entry, before, report, inbound) {
  /** @param {string} field */
  const since = (field) => Math.max(0, (entry[field] ?? 0) - (before?.[field] ?? 0));
  const seconds = before ? (entry.timestamp - before.timestamp) / 1000 : INTERVAL_MS / 1000;
  const packets = since(inbound ? 'packetsReceived' : 'packetsSent');
  const bytes = since(inbound ? 'bytesReceived' : 'bytesSent');
  const far = inbound ? entry : report.get(entry.remoteId);
  const lost = since('packetsLost');
  const loss = inbound ? share(lost, lost + packets) : far?.fractionLost ?? null;
  return {
    codec: String(report.get(entry.codecId)?.mimeType ?? '').split('/')[1] ?? '',
    loss,
    jitterMs: typeof far?.jitter === 'number' ? far.jitter * 1000 : null,
    kbps: seconds > 0 ? (bytes * 8) / 1000 / seconds : 0,
    width: entry.frameWidth ?? 0,
    height: entry.frameHeight ?? 0,
    fps: entry.framesPerSecond ?? 0,
    packets,
  };
}

/**
 * @param {number} part
 * @param {number} whole
 */
function share(part, whole) {
  return whole > 0 ? part / whole : null;
}

/** @param {RTCStatsReport} report */
function roundTrip(report) {
  for (const entry of report.values()) {
    if (entry.type === 'candidate-pair' && (entry.nominated || entry.selected) && entry.currentRoundTripTime !== undefined) {
      return entry.currentRoundTripTime * 1000;
    }
  }
  return null;
}
