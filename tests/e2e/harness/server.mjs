// The real binary, on free ports, with a configuration and a data directory of its own.

import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';

import { BINARY, scratch } from './paths.mjs';
import { until } from './wait.mjs';

const START_DEADLINE_MS = 30_000;
const STOP_DEADLINE_MS = 15_000;

/** A port that nobody uses now. */
export function freePort(kind) {
  return new Promise((resolve, reject) => {
    if (kind === 'udp') {
      const socket = createSocket('udp4');
      socket.once('error', reject);
      socket.bind(0, '0.0.0.0', () => {
        const { port } = socket.address();
        socket.close(() => resolve(port));
      });
    } else {
      const server = net.createServer();
      server.once('error', reject);
      server.listen(0, '127.0.0.1', () => {
        const { port } = server.address();
        server.close(() => resolve(port));
      });
    }
  });
}
