// A bad network in the way of one side's media: what it sends takes a detour on which packets are
// lost and come late. What comes back passes as it is.

import dgram from 'node:dgram';

/** A frame of speech: two calls that send the same lose the same. */
const FRAME_MS = 20;

export class Detour {
  /** Loses this share (0 to 1) of the RTP, and brings the rest up to `jitterMs` late. */
  constructor({ loss = 0, jitterMs = 0, seed = 1 } = {}) {
    this.loss = loss;
    this.jitterMs = jitterMs;
    this.seed = seed;
    this.sockets = [];
    this.sent = 0;
    this.lost = 0;
  }

  /** The port, on the same host, that leads there. */
  async to(host, port) {
    const [near, far] = await Promise.all([open(), open()]);
    this.sockets.push(near, far);
    let back;
    near.on('message', (packet, from) => {
      back = from;
      const pass = () => { if (this.sockets.includes(far)) far.send(packet, port, host); };
      if (!isRtp(packet)) return pass();
      this.sent += 1;
      if (this.chance(1) < this.loss) this.lost += 1;
      else setTimeout(pass, this.chance(2) * this.jitterMs);
      return undefined;
    });
    far.on('message', (packet) => {
      if (back) near.send(packet, back.port, back.address);
    });
    return near.address().port;
  }

  /** 0 to 1, the same for the same frame of speech. */
  chance(kind) {
    return hash(Math.floor(Date.now() / FRAME_MS) ^ Math.imul(this.seed, 0x9e3779b9) ^ Math.imul(kind, 0x85ebca6b));
  }

  close() {
    for (const socket of this.sockets.splice(0)) socket.close();
  }
}

async function open() {
  const socket = dgram.createSocket('udp4');
  await new Promise((resolve) => { socket.bind(0, resolve); });
  return socket;
}

/** RTP or RTCP, and neither STUN nor DTLS (RFC 7983). */
function isRtp(packet) {
  return packet[0] >= 128 && packet[0] < 192;
}

/** A number between 0 and 1 that looks like chance. */
function hash(number) {
  let mixed = Math.imul(number ^ (number >>> 16), 0x7feb352d);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b);
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 0x1_0000_0000;
}
