import { randomUUID } from 'node:crypto';
import { deploy, remove, statusOf } from '../support/deployments-under-test';
import { describeWithEngine, testFiles } from '../support/engine';
import { startHostileRegistry, type HostileRegistry } from '../support/hostile-registry';
import { until } from '../support/until';
import { onDocker, ProductOnDocker } from './product-on-docker';

const [DEPLOYMENTS, PULLS] = [8, 2];

describeWithEngine('pulls of two workers on one engine', () => {
  let product: ProductOnDocker;
  let registry: HostileRegistry;
  beforeAll(async () => {
    registry = await startHostileRegistry(testFiles(), { Cmd: ['sleep', '3600'], Env: ['PATH=/bin'] });
    const limits = { IMAGE_PULLS_PER_NODE: String(PULLS), IMAGE_PULLS_PER_USER: String(PULLS), IMAGE_PULL_STALL_SECONDS: '300' };
    product = await ProductOnDocker.start({ environment: { ...limits, ALLOWED_REGISTRIES: registry.host, WORKER_CONCURRENCY: '2' } });
    await product.alsoStart({ ROLE: 'worker' });
  });
  afterAll(async () => {
    await product?.close();
    await registry?.close();
  });

  it('are together no more than the limit of the engine', async () => {
    registry.mood = 'stalls';
    const path = randomUUID();
    const ids: string[] = [];
    for (let n = 0; n < DEPLOYMENTS; n += 1) {
      const container_image = `${registry.host}/${path}/stalls-${String(n)}:1`;
      ids.push(await deploy(product.client, `stalls-${String(n)}`, onDocker({ container_image })));
    }
    const claimed = `
      SELECT count(*)::int AS jobs, count(DISTINCT claimed_by)::int AS workers FROM jobs
       WHERE kind = 'deployment.reconcile' AND lease_until > now()`;
    // A pull keeps its job, and each worker takes two more a second.
    await until(
      async () => {
        const [row] = await product.dataSource.query<[{ jobs: number; workers: number }]>(claimed);
        return row.workers === 2 && row.jobs === DEPLOYMENTS;
      },
      { what: 'both workers to have some of all the jobs' },
    );
    const pulled = (): Set<string | undefined> => new Set(registry.asked.map((asked) => /stalls-\d+/.exec(asked)?.[0]).filter(Boolean));
    await until(() => pulled().size >= PULLS, { what: 'the first pulls' });
    const reasons = async (): Promise<(string | null)[]> =>
      (await Promise.all(ids.map((id) => statusOf(product.client, id)))).flatMap(({ replicas }) => replicas.map(({ reason }) => reason));
    await until(
      async () => (await reasons()).filter((words) => words?.startsWith('Waiting to pull image')).length === DEPLOYMENTS - PULLS,
      {
        what: 'the others to say that they wait',
      },
    );
    expect(pulled().size).toBe(PULLS);
    registry.mood = 'serves';
    for (const id of ids) await remove(product.client, id, '?wait=0');
    await until(async () => (await product.dataSource.query<unknown[]>(`SELECT 1 FROM image_pulls`)).length === 0, {
      what: 'the places to be given back',
    });
  });
});
