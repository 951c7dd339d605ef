import { DeployService } from '../../src/deployments/commands/deploy.service';
import { ScaleService } from '../../src/deployments/commands/scale.service';
import { DeployRequestDto } from '../../src/deployments/dto/deploy-request.dto';
import { readOrder } from '../../src/deployments/spec/spec-codec';
import { DomainError } from '../../src/common/problem/domain-error';
import type { RequestContext } from '../../src/common/request-context';
import { isDatabaseUnavailable } from '../../src/database/postgres-error';
import { readBody } from '../../src/common/validation/request.pipe';
import { aSpec } from '../support/deployments';
import { aProject } from '../support/projects';
import { aNode } from '../support/rows';
import { startTestApp, type TestApp } from '../support/test-app';

/** `QUOTA_RACE_ASKS=10000` is the race of docs/reliability.md. */
const ASKS = Number(process.env.QUOTA_RACE_ASKS ?? 1_200);
const AT_ONCE = 40;
const RESOURCES = { cpu: 0.5, memory: 512, storage: 1 };

describe('a race for what a quota leaves', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({ env: { ROLE: 'api' } });
    await t.token('root', { admin: true });
    const heartbeat = new Date(Date.now() + 3_600_000);
    await aNode(t.dataSource, { cpu_cores: 100_000, memory_mb: 100_000_000, storage_gb: 1_000_000, last_heartbeat: heartbeat });
  });
  afterAll(() => t?.close());

  const contextOf = async (username: string): Promise<RequestContext> => {
    const userId = await t.userId(username);
    return {
      actor: { userId, username, isAdmin: false, readOnly: false, via: 'external', credentialId: userId },
      ...{ requestId: 'a-race', address: '127.0.0.1', idempotency: null, ifMatch: null },
    };
  };

  it(`of ${String(ASKS)} asks for a replica grants exactly as many as are left, to deploys and scalings of several members`, async () => {
    const team = await aProject(t, 'ada', { bob: 'deployer', cyd: 'deployer' });
    const most = Math.floor(ASKS / 3);
    await t.as('root').put(`/api/projects/${team.id}/quota`).send({ replicas: most }).expect(200);
    const members = await Promise.all(['ada', 'bob', 'cyd'].map(contextOf));
    const [deploys, scales] = [t.app.get(DeployService, { strict: false }), t.app.get(ScaleService, { strict: false })];
    const made: string[] = [];
    const order = () => readOrder(readBody(aSpec({ project: team.name, replicas: 1, resources: RESOURCES }), DeployRequestDto));
    for (const context of members) made.push((await deploys.deploy(order(), context)).id);

    const scaled = new Map(made.map((id) => [id, 1]));
    const ask = async (n: number): Promise<void> => {
      const context = members[n % members.length]!;
      const own = made[n % made.length]!;
      try {
        // A deployment is scaled by one at a time; the next one waits for the answer, as `scaled` is what is wanted.
        if (n % 10 === 0 && !busy.has(own)) {
          busy.add(own);
          const next = (scaled.get(own) ?? 1) + 1;
          await scales.scale(own, next, context).finally(() => busy.delete(own));
          scaled.set(own, next);
        } else await deploys.deploy(order(), context);
      } catch (error) {
        // Who has waited too long for its turn at the project is told to come again.
        if (isDatabaseUnavailable(error)) return ask(n);
        if (!(error instanceof DomainError) || error.code !== 'quota_exceeded') throw error;
      }
    };
    const busy = new Set<string>();
    let next = 0;
    let above = 0;
    const watched = async (): Promise<void> => {
      const [row] = await t.dataSource.query<{ held: number }[]>(
        `SELECT sum(target_replicas)::int AS held FROM deployments WHERE project_id = $1 AND deleted_at IS NULL`,
        [team.id],
      );
      above = Math.max(above, (row?.held ?? 0) - most);
    };
    const lane = async (): Promise<void> => {
      for (let n = next++; n < ASKS; n = next++) {
        await ask(n);
        if (n % 50 === 0) await watched();
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
    await watched();
    expect(above).toBe(0);
    expect(Math.max(...scaled.values())).toBeGreaterThan(1);
    const { body } = await t.as('ada').get(`/api/projects/${team.id}`).expect(200);
    expect(body.quota.replicas).toEqual({ limit: most, used: most });
  }, 600_000);
});
