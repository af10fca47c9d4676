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

  /** Limits what the server can send to the person, in kbit/s; `null` opens it again. */
  narrow(kbits) {
    if (kbits === null) {
      run('tc', '-n', this.server.netns, 'qdisc', 'del', 'dev', 'cable', 'root');
    } else {
      run('tc', '-n', this.server.netns, 'qdisc', 'replace', 'dev', 'cable', 'root',
        'tbf', 'rate', `${kbits}kbit`, 'burst', '16kb', 'latency', '200ms');
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
