import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import type { Answer, Client } from '../support/client';
import { deploy, remove, statusOf, untilHealthy, untilNoWork } from '../support/deployments-under-test';
import { Installation } from '../support/installation';
import { adminOf, startProcess, temporaryDataDir, type Environment, type Exit, type ProcessUnderTest } from '../support/process-under-test';
import { until } from '../support/until';

/** The longest time for a stop as a whole: readiness, requests, jobs and the database. */
const ENDS_WITHIN_MS = 10_000;
/** For so long load balancers can see that it is not ready before it refuses connections. */
const NOT_READY_MS = 300;

interface Ending {
  readonly id: string;
  readonly exit: Exit;
  readonly ms: number;
  /** The answer to the delete that waited for its teardown. */
  readonly answer: Answer;
  /** What /health/ready answered after the signal, until nothing listened any more, */
  readonly readiness: readonly (number | 'refused')[];
  /** which was so long after the signal. */
  readonly refusedAfterMs: number;
}

/** Sends SIGTERM while a delete waits for a container that ignores SIGTERM for ten seconds. */
async function terminate(product: ProcessUnderTest, client: Client): Promise<Ending> {
  const id = await deploy(client, 'stubborn', { container_image: 'simulated/stubborn:1' });
  await untilHealthy(client, id);
  const deleting = remove(client, id, '?wait=60');
  await until(async () => (await statusOf(client, id)).status === 'deleted', { what: 'the decision' });
  await sleep(200); // time for the engine to be asked; nothing shows that it was
  const begun = performance.now();
  const exiting = product.kill('SIGTERM');
  const readiness: (number | 'refused')[] = [];
  do {
    readiness.push(
      await fetch(`${product.url}/health/ready`).then(
        ({ status }) => status,
        () => 'refused' as const,
      ),
    );
    await sleep(20);
  } while (readiness.at(-1) !== 'refused');
  const refusedAfterMs = performance.now() - begun;
  const answer = await deleting;
  const exit = await exiting;
  return { id, exit, answer, readiness, refusedAfterMs, ms: performance.now() - begun };
}

const STUBBORN: Environment = { SIMULATED_DELAY_MS: '50', STOP_GRACE_SECONDS: '10', LOG_LEVEL: 'warn' };

function endsCleanly(ending: () => Ending): void {
  it('ends with code 0 within ten seconds', () => {
    process.stdout.write(`SIGTERM: ended after ${Math.round(ending().ms)} ms, readiness ${[...new Set(ending().readiness)].join(', ')}\n`);
    expect(ending().exit).toEqual({ code: 0, signal: null });
    expect(ending().ms).toBeLessThan(ENDS_WITHIN_MS);
  });

  it('says "not ready" before it refuses connections', () => {
    expect(ending().readiness).toContain(503);
    expect(ending().refusedAfterMs).toBeGreaterThan(NOT_READY_MS);
    expect(ending().readiness.lastIndexOf(200)).toBeLessThan(1); // at most the first, which the signal overtook
    expect(ending().readiness.at(-1)).toBe('refused');
  });

  it('answers the delete that was waiting, with what was true so far', () => {
    expect(ending().answer).toMatchObject({
      status: 202,
      body: { success: true, status: 'deleted', replicas_stopped: 0, replicas_stopping: 1, resources_released: false },
    });
  });
}

describe('SIGTERM while a delete waits, with a database server', () => {
  let installation: Installation;
  let dataSource: DataSource;
  let ending: Ending;

  beforeAll(async () => {
    installation = await Installation.create();
    ({ dataSource } = installation);
    const product = await installation.start(STUBBORN);
    ending = await terminate(product, await adminOf(product));
  });

  afterAll(() => installation?.close());

  endsCleanly(() => ending);

  it('hands its jobs back, due at once', async () => {
    const held = await dataSource.query<unknown[]>(`SELECT kind, key, claimed_by FROM jobs WHERE claim IS NOT NULL`);
    expect(held).toEqual([]);
    const due = await dataSource.query<unknown[]>(`SELECT 1 FROM jobs WHERE key = $1 AND due_at <= now()`, [ending.id]);
    expect(due).toHaveLength(1);
  });
});

describe('SIGTERM while a delete waits, with the embedded database', () => {
  const dataDir = temporaryDataDir();
  let ending: Ending;
  let next: ProcessUnderTest;

  beforeAll(async () => {
    const product = await startProcess({ ...STUBBORN, DATA_DIR: dataDir.path });
    ending = await terminate(product, await adminOf(product));
  });

  afterAll(async () => {
    await next?.kill('SIGTERM');
    dataDir.remove();
  });

  endsCleanly(() => ending);

  it('finishes the teardown after the next start', async () => {
    next = await startProcess({ ...STUBBORN, DATA_DIR: dataDir.path });
    const client = await adminOf(next);
    const view = await untilNoWork(client, ending.id);
    expect(view.replicas.map(({ status }) => status)).toEqual(['stopped']);
  });
});
