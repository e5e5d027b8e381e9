// Starts the built program and talks to it as a user's shell does.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');
export const program = join(root, process.env.IMO_BUILD ?? 'build/release', 'imo');
export const screenshots = join(root, 'build', 'e2e');

/** A home of its own, so that nothing of the machine's user is read or written. */
export function makeHome() {
  const path = mkdtempSync(join(tmpdir(), 'imo-e2e-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Runs one command to its end. */
export function imo(home, args, options = {}) {
  const done = spawnSync(program, args, {
    encoding: 'utf8',
    timeout: options.timeout ?? 60_000,
    input: options.input ?? '',
    env: { ...process.env, IMO_HOME: home.path, ...options.env },
  });
  if (done.error) throw done.error;
  return { code: done.status, out: done.stdout, err: done.stderr };
}

/** Runs one command that must succeed and gives its JSON. */
export function imoJson(home, args, options = {}) {
  const done = imo(home, ['--json', ...args], options);
  if (done.code !== 0) throw new Error(`imo ${args.join(' ')} exited ${done.code}: ${done.err}`);
  return JSON.parse(done.out);
}

export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** `imo dev` on free ports, until stop(). */
export async function startDev(home) {
  const [port, nodePort] = [await freePort(), await freePort()];
  const child = spawn(
    program,
    ['--json', 'dev', '--port', String(port), '--node-port', String(nodePort)],
    { env: { ...process.env, IMO_HOME: home.path }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let errors = '';
  child.stderr.on('data', (chunk) => (errors += chunk));
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const ready = await new Promise((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
      if (text.includes('\n')) resolve(JSON.parse(text.split('\n')[0]));
    });
    exited.then((code) => reject(new Error(`imo dev exited ${code}: ${errors}`)));
    setTimeout(() => reject(new Error(`imo dev is not ready: ${errors}`)), 60_000).unref();
  });
  return {
    ...ready,
    async stop() {
      child.kill('SIGTERM');
      return exited;
    },
  };
}
