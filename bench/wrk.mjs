import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** How many requests are made when they may be repeated. They are sent in rotation. */
const ROTATED = 8_192;
/** When requests may be sent only once, enough are made for a service that answers this many per second. */
const MOST_PER_SECOND = 6_000;

/** The version of wrk, or null where it is not installed. */
export const wrkVersion = () => /^wrk \S+/.exec(spawnSync('wrk', ['--version'], { encoding: 'utf8' }).stdout ?? '')?.[0] ?? null;

/**
 * Sends requests over `clients` connections for some seconds, as fast as answers come. All requests are made before, so
 * that wrk takes half the processor time, or less, that a load generator in JavaScript takes from the service and
 * PostgreSQL. With `giveBack` no request is sent twice, and those that were not sent are given back.
 */
export async function driveWithWrk({ url, clients, seconds, next, giveBack }) {
  const made = giveBack ? seconds * MOST_PER_SECOND : ROTATED;
  const folder = mkdtempSync(join(tmpdir(), 'fog-compute-wrk-'));
  const [requests, script] = [join(folder, 'requests'), join(folder, 'script.lua')];
  try {
    writeFileSync(requests, Array.from({ length: made }, () => asText(next(), new URL(url).host)).join('\0'));
    writeFileSync(script, scriptOf({ requests, rotates: giveBack === undefined }));
    const output = await run(['-t', '1', '-c', String(clients), '-d', `${seconds}s`, '--timeout', '30s', '-s', script, url]);
    const [handed, sent, micros, p50, p99, max, ...failures] = /^result ([\d. ]+)$/m.exec(output)[1].split(' ').map(Number);
    if (giveBack && handed > made) throw new Error(`${made} requests were too few for ${seconds} s`);
    giveBack?.(made - handed);
    const [statuses, errors] = failures;
    const others = [...(statuses > 0 ? [`${statuses}x status above 399`] : []), ...(errors > 0 ? [`${errors}x errors`] : [])].join(', ');
    return { count: sent, perSecond: (sent * 1e6) / micros, p50: p50 / 1000, p99: p99 / 1000, max: max / 1000, others };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function asText({ method, path, headers, body = '' }, host) {
  const all = Object.entries({ host, ...headers });
  const lines = [`${method} ${path} HTTP/1.1`, ...all.map(([name, value]) => `${name}: ${value}`)];
  if (body !== '') lines.push(`content-length: ${Buffer.byteLength(body)}`);
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

/** wrk asks for one request before it begins, to inspect it, and does not send that one. */
const scriptOf = ({ requests, rotates }) => `
local requests, looked, driver = {}, false, nil
handed = 0
function setup(thread) driver = thread end
function init()
  local file = io.open(${JSON.stringify(requests)}, 'rb')
  for text in file:read('*a'):gmatch('[^%z]+') do requests[#requests + 1] = text end
  file:close()
end
function request()
  if not looked then looked = true return requests[1] end
  handed = handed + 1
  return requests[${rotates ? '(handed - 1) % #requests + 1' : 'handed'}] or ''
end
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('result %d %d %d %d %d %d %d %d\\n', driver:get('handed'), summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), latency.max, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
`;

function run(args) {
  return new Promise((resolve, reject) => {
    const child = spawn('wrk', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 && /^result /m.test(output) ? resolve(output) : reject(new Error(`wrk ended with ${code}:\n${output.slice(0, 1_000)}`)),
    );
  });
}
