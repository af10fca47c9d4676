// A sound server that plays into the void. Firefox starts no audio graph without one.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

import { scratch } from './paths.mjs';
import { until } from './wait.mjs';

/** Starts it; gives the environment for its clients and a way to end it. */
export async function silentLoudspeaker() {
  const home = scratch('loudspeaker');
  const socket = path.join(home, 'socket');
  const server = spawn('pulseaudio', [
    '-n', '--daemonize=no', '--exit-idle-time=-1', '--disable-shm=yes', '--use-pid-file=no',
    '-L', 'module-null-sink',
    '-L', `module-native-protocol-unix socket=${socket} auth-anonymous=1`,
  ], { stdio: 'ignore', env: { ...process.env, HOME: home, XDG_RUNTIME_DIR: home } });
  const gone = new Promise((resolve) => {
    server.once('exit', resolve);
    server.once('error', resolve);
  });
  await until('the sound server listens', () => existsSync(socket));
  return {
    environment: { PULSE_SERVER: `unix:${socket}` },
    end: async () => {
      server.kill();
      await gone;
    },
  };
}
