import type { ContainerSpec } from '../../src/engines/container-spec';
import { inTransaction } from '../../src/database/transaction';
import { DeploymentsRepository } from '../../src/deployments/deployments.repository';
import { DEFAULT_ROLLOUT_POLICY, type RolloutPolicy } from '../../src/deployments/domain/rollout';
import { ContainerVault, storedContainerOf, type StoredContainer } from '../../src/deployments/spec/container-vault';
import { RevisionsRepository } from '../../src/deployments/revisions.repository';
import { RolloutsRepository } from '../../src/deployments/rollouts.repository';
import { JobQueue } from '../../src/jobs/job-queue';
import type { TestApp } from './test-app';

export interface RolloutRow {
  readonly number: number;
  readonly state: string;
  readonly reason: string | null;
  readonly revision: number;
  readonly healthy_replicas: number;
  readonly finished: boolean;
}

/** Rolls a container out that differs in these members, as a command does. `atOnce`: nothing serves that could be replaced. */
export async function rollOut(
  t: TestApp,
  id: string,
  container: Partial<ContainerSpec>,
  { atOnce = null, policy = {} }: { atOnce?: string | null; policy?: Partial<RolloutPolicy> } = {},
): Promise<number> {
  const get = <T>(type: abstract new (...args: never[]) => T): T => t.app.get(type, { strict: false });
  const rollout = await inTransaction(t.dataSource, async (tx) => {
    const deployment = (await get(DeploymentsRepository).lock(tx, id, { userId: id, isAdmin: true }))!;
    const complete = { ...DEFAULT_ROLLOUT_POLICY, minHealthySeconds: 0, ...policy };
    await tx.query(`UPDATE deployments SET rollout_policy = $2 WHERE id = $1`, [id, JSON.stringify(complete)]);
    const [row] = await tx.query<{ stored: StoredContainer; next: number }[]>(
      `SELECT ${storedContainerOf('v')} AS stored, (SELECT max(number) + 1 FROM deployment_revisions WHERE deployment_id = $1) AS next
         FROM deployment_revisions AS v WHERE deployment_id = $1 AND number = $2`,
      [id, deployment.revision],
    );
    const revision = row!.next;
    const vault = get(ContainerVault);
    const sealed = vault.seal({ ...vault.open(row!.stored, id), ...container }, id);
    await get(RevisionsRepository).add(tx, id, sealed, { number: revision, reason: 'for a test', createdBy: null });
    await get(RolloutsRepository).start(tx, deployment, {
      ...{ revision, deadlineSeconds: complete.progressDeadlineSeconds, atOnce },
      ...{ words: `Revision ${revision}: for a test`, event: 'rollout_started', changedBy: null, requestId: null },
    });
    const [newest] = await tx.query<[{ number: number }]>(
      `SELECT max(number) AS number FROM deployment_rollouts WHERE deployment_id = $1`,
      [id],
    );
    return newest.number;
  });
  await get(JobQueue).enqueueNow([{ kind: 'deployment.reconcile', key: id }]);
  return rollout;
}

export async function rolloutsOf(t: TestApp, id: string): Promise<RolloutRow[]> {
  return t.dataSource.query(
    `SELECT number, state, reason, revision, healthy_replicas, finished_at IS NOT NULL AS finished
       FROM deployment_rollouts WHERE deployment_id = $1 ORDER BY number`,
    [id],
  );
}

/** The numbers that a rollout must keep to, looked at again and again until `end` is called. */
export function watchReplicas(t: TestApp, id: string): { end: () => Promise<{ fewest: number; most: number }> } {
  let watching = true;
  const seen = { fewest: Infinity, most: 0 };
  const watch = (async () => {
    while (watching) {
      const [row] = await t.dataSource.query<{ running: number; live: number }[]>(
        `SELECT count(*) FILTER (WHERE status = 'running')::int AS running,
                count(*) FILTER (WHERE status IN ('pending', 'starting', 'running'))::int AS live
           FROM deployment_replicas WHERE deployment_id = $1`,
        [id],
      );
      seen.fewest = Math.min(seen.fewest, row!.running);
      seen.most = Math.max(seen.most, row!.live);
    }
  })();
  return {
    end: async () => {
      watching = false;
      await watch;
      return seen;
    },
  };
}
