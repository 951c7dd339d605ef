import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

const PASSWORD = 'Correct-Horse-7';

const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

/** Starts the built program in `folder` with the simulated runtime. Gives its address, a token, and what ends it. */
export async function startServer(folder) {
  const log = join(folder, 'server.log');
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const env = {
    ...{ PORT: String(port), DATA_DIR: join(folder, 'data'), RUNTIME: 'simulated', SIMULATED_DELAY_MS: '0' },
    ...{ ADMIN_USERNAME: 'admin', ADMIN_PASSWORD: PASSWORD, RATE_LIMIT_PER_MINUTE: '0' },
  };
  const file = openSync(log, 'w');
  const child = spawn(process.execPath, [join(process.cwd(), 'dist/main.js')], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', file, file],
  });
  closeSync(file);
  const ended = new Promise((resolve) => child.on('close', resolve));
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
  };
  for (let tries = 0; tries < 600 && child.exitCode === null; tries++) {
    const ready = await fetch(`${url}/health/ready`).catch(() => undefined);
    if (ready?.ok) return { url, token: await logIn(url), stop };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await stop();
  throw new Error(`The program did not start:\n${readFileSync(log, 'utf8').slice(-3000)}`);
}

async function logIn(url) {
  const body = JSON.stringify({ username: 'admin', password: PASSWORD });
  const answer = await fetch(`${url}/api/auth/login`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body });
  if (!answer.ok) throw new Error(`The log-in failed: ${await answer.text()}`);
  return (await answer.json()).access_token;
}
