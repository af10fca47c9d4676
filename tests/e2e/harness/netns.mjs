// Two hosts on one machine: a pair of network namespaces joined by a cable, each with its own
// address and default route. Needs root and iproute2.

import { execFileSync } from 'node:child_process';

let counter = 0;

/** Why namespaces cannot be made here, or undefined. */
export function noNamespaces() {
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  try {
    const probe = `cbxprobe${process.pid}`;
    ip('netns', 'add', probe);
    ip('netns', 'del', probe);
    return undefined;
  } catch (error) {
    return `network namespaces cannot be made here: ${error.message.split('\n')[0]}`;
  }
}

/** The pair: the server lives in `server`, a person in `person`. */
export class Cable {
  constructor() {
    const name = `cbx${process.pid}n${counter++}`;
    this.server = { netns: `${name}s`, address: '10.203.77.1', mac: '02:00:00:00:77:01' };
    this.person = { netns: `${name}p`, address: '10.203.77.2', mac: '02:00:00:00:77:02' };
    const ends = [[this.server, this.person], [this.person, this.server]];
    try {
      for (const [end] of ends) ip('netns', 'add', end.netns);
      ip('link', 'add', 'cable', 'netns', this.server.netns, 'address', this.server.mac,
        'type', 'veth', 'peer', 'name', 'cable', 'netns', this.person.netns, 'address', this.person.mac);
      for (const [end, far] of ends) {
        // No address is to appear later by itself: Chromium drops its requests when one does.
        ip('-n', end.netns, 'link', 'set', 'cable', 'addrgenmode', 'none');
        ip('-n', end.netns, 'address', 'add', `${end.address}/24`, 'dev', 'cable');
        ip('-n', end.netns, 'link', 'set', 'lo', 'up');
        ip('-n', end.netns, 'link', 'set', 'cable', 'up');
        ip('-n', end.netns, 'route', 'add', 'default', 'via', far.address);
      }
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  /**
   * Cuts the cable without either host noticing: each sends its packets to a hardware address
   * that nobody has, as when a router in between dies.
   */
  cut() {
    for (const [end, far] of [[this.server, this.person], [this.person, this.server]]) {
      ip('-n', end.netns, 'neigh', 'replace', far.address, 'lladdr', '02:00:00:00:77:ff', 'dev', 'cable', 'nud', 'permanent');
    }
  }

  /** Makes the cable whole again. */
  mend() {
    for (const [end, far] of [[this.server, this.person], [this.person, this.server]]) {
      ip('-n', end.netns, 'neigh', 'replace', far.address, 'lladdr', far.mac, 'dev', 'cable', 'nud', 'permanent');
    }
  }

  /** Limits what the server can send to the person, in kbit/s. */
  narrow(kbits) {
    run('tc', '-n', this.server.netns, 'qdisc', 'replace', 'dev', 'cable', 'root',
      'tbf', 'rate', `${kbits}kbit`, 'burst', '16kb', 'latency', '200ms');
  }

  /**
   * Loses this share (0 to 1) of all packets, in both directions, by chance: a random word of
   * the kernel's is compared with a threshold.
   */
  lose(share) {
    const threshold = Math.round(share * 0xffff_ffff);
    this.loseWhere(`4,32 0 0 4294963256,53 1 0 ${threshold},6 0 0 4294967295,6 0 0 0`);
  }

  /** Lets no UDP through in either direction: the protocol byte of the IPv4 header is 17. */
  blockUdp() {
    this.loseWhere('4,48 0 0 4293918729,21 1 0 17,6 0 0 0,6 0 0 4294967295');
  }

  /**
   * Loses the packets that a classifier matches, in both directions: it picks them for a queue
   * without room. The classifier is of few instructions and needs no more than the kernel's own
   * tools.
   */
  loseWhere(bytecode) {
    for (const { netns } of [this.server, this.person]) {
      const tc = (...args) => run('tc', '-n', netns, ...args);
      tc('qdisc', 'add', 'dev', 'cable', 'root', 'handle', '1:', 'htb', 'default', '1');
      for (const classid of ['1:1', '1:2']) {
        tc('class', 'add', 'dev', 'cable', 'parent', '1:', 'classid', classid, 'htb', 'rate', '1gbit', 'quantum', '60000');
      }
      tc('qdisc', 'add', 'dev', 'cable', 'parent', '1:2', 'pfifo', 'limit', '0');
      tc('filter', 'add', 'dev', 'cable', 'parent', '1:', 'protocol', 'all', 'prio', '1', 'bpf', 'bytecode', bytecode, 'flowid', '1:2');
    }
  }

  /** Takes away what `narrow`, `lose` and `blockUdp` set. */
  open() {
    for (const { netns } of [this.server, this.person]) {
      try {
        run('tc', '-n', netns, 'qdisc', 'del', 'dev', 'cable', 'root');
      } catch {
        // Nothing was set.
      }
    }
  }

  remove() {
    for (const end of [this.server, this.person]) {
      try {
        ip('netns', 'del', end.netns);
      } catch {
        // It was never made.
      }
    }
  }
}

function ip(...args) {
  return run('ip', ...args);
}

function run(program, ...args) {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
