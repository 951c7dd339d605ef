import { readdirSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { inLanes } from '../support/application-pair';
import { aSpec } from '../support/deployments';
import { send, type WireAnswer } from '../support/openapi-client';
import { bearerOf } from '../support/openapi-client-identities';
import { startTestApp, type TestApp } from '../support/test-app';
import { until } from '../support/until';

/** More of them before a release: `SOAK_ROUNDS=5000 npx jest test/faults/memory`. */
const ROUNDS = Number(process.env.SOAK_ROUNDS ?? '240');
const WARM_UP = 120;
const LANES = 8;
/** A round is nine requests and a whole life of a deployment; a leaked request alone is larger than this. */
const MAX_BYTES_PER_ROUND = 2_048;
/** By how much two measurements of the same heap differ. This hides little in a short run and almost nothing in a long one. */
const NOISE_BYTES = 1_500_000;
/** After each of them memory is measured. */
const WINDOWS = 8;

setFlagsFromString('--expose_gc');
const collect = runInNewContext('gc') as () => void;

describe(`${ROUNDS} lives of deployments, good and bad requests`, () => {
  let t: TestApp;
  let headers: Record<string, string>;

  beforeAll(async () => {
    t = await startTestApp({ env: { STOP_GRACE_SECONDS: '0' } });
    headers = { 'Content-Type': 'application/json', ...bearerOf(await t.token('ada')) };
  });
  afterAll(() => t?.close());

  const call = (method: string, path: string, body?: unknown): Promise<WireAnswer> =>
    send(t.url, { method, path, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });

  async function round(): Promise<void> {
    const made = await call('POST', '/api/deployment/deploy', aSpec({ replicas: 2, env: { FILLER: 'x'.repeat(1_000) } }));
    const { deployment_id: id } = JSON.parse(made.text) as { deployment_id: string };
    await until(async () => (await call('GET', `/api/deployment/status/${id}`)).text.includes('"health":"healthy"'), { everyMs: 5 });
    await call('GET', '/api/deployment/list');
    await call('POST', `/api/deployment/scale/${id}`, { replicas: 1 });
    await call('POST', '/api/deployment/deploy', { name: 'x'.repeat(2_000) });
    await call('GET', `/nowhere/${id}`);
    await call('DELETE', `/api/deployment/${id}?wait=5`);
    await call('GET', `/api/deployment/${id}/history?include_deleted=true`);
  }

  async function usedBytes(): Promise<number> {
    for (let n = 0; n < 3; n++) {
      collect();
      await new Promise((resolve) => setTimeout(resolve, 50)); // finalizers run between collections
    }
    return process.memoryUsage().heapUsed;
  }

  it('leave neither memory nor file descriptors behind', async () => {
    await inLanes(WARM_UP, LANES, round);
    const files = readdirSync('/proc/self/fd').length;
    const used = [await usedBytes()];
    for (let window = 0; window < WINDOWS; window++) {
      await inLanes(ROUNDS / WINDOWS, LANES, round);
      used.push(await usedBytes());
    }
    const bytesPerRound = medianSlope(used) / (ROUNDS / WINDOWS);
    process.stdout.write(
      `memory: ${Math.round(bytesPerRound)} bytes more a round; MB used: ${used.map((b) => (b / 1e6).toFixed(1)).join(', ')}\n`,
    );
    expect(bytesPerRound).toBeLessThan(MAX_BYTES_PER_ROUND + NOISE_BYTES / ROUNDS);
    expect(readdirSync('/proc/self/fd').length).toBeLessThan(files + 20);
  }, 600_000);
});

/** The median of the slopes between all pairs (Theil–Sen). Code that is compiled meanwhile makes a step, not a slope. */
function medianSlope(values: readonly number[]): number {
  const slopes = values.flatMap((value, index) => values.slice(0, index).map((earlier, at) => (value - earlier) / (index - at)));
  return slopes.sort((a, b) => a - b)[Math.floor(slopes.length / 2)]!;
}
