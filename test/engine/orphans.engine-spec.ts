import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type Docker from 'dockerode';
import { checkInvariants } from '../../src/invariants/check-invariants';
import { LABEL } from '../../src/runtime/docker/docker-labels';
import type { Client } from '../support/client';
import { deploy, inStatus, remove, statusOf, untilHealthy, untilNoWork } from '../support/deployments-under-test';
import { describeWithEngine, TEST_IMAGE } from '../support/engine';
import type { OrphanBody } from '../support/orphans';
import { until } from '../support/until';
import { onDocker, ProductOnDocker } from './product-on-docker';

type Labels = Readonly<Record<string, string>>;

/** Looks at the engine come every two seconds, and at one that was silent every fifteen. */
const SOON = { timeoutMs: 90_000 };

describeWithEngine('orphans on a Docker Engine', () => {
  let product: ProductOnDocker;
  let client: Client;
  const made: Docker.Container[] = [];
  beforeAll(async () => {
    product = await ProductOnDocker.start();
    ({ client } = product);
  });
  afterAll(async () => {
    for (const container of made) await container.remove({ force: true }).catch(() => undefined);
    await product?.close();
  });

  /** A container that runs, made past the program. */
  async function byHand(labels: Labels): Promise<Docker.Container> {
    const container = await product.docker.createContainer({ Image: TEST_IMAGE, Cmd: ['sleep', '600'], Labels: { ...labels } });
    made.push(container);
    await container.start();
    return container;
  }
  const ours = (more: Labels = {}): Labels => ({
    ...{ [LABEL.installation]: product.installationId, [LABEL.deployment]: randomUUID(), [LABEL.replica]: randomUUID() },
    ...more,
  });
  const orphans = async (): Promise<OrphanBody[]> => (await client.get('/api/admin/orphans?limit=100')).body as OrphanBody[];
  const listed = (containerId: string) =>
    until(async () => (await orphans()).find(({ container_id: id }) => id === containerId) ?? null, { what: 'it to be listed', ...SOON });
  const exists = ({ id }: Docker.Container): Promise<boolean> =>
    product.docker
      .getContainer(id)
      .inspect()
      .then(
        () => true,
        () => false,
      );
  const decide = (what: string, { id, etag }: OrphanBody) => client.post(`/api/admin/orphans/${id}/${what}`, undefined, { ifMatch: etag });

  it('lists containers with our labels, and never those of another installation or without labels', async () => {
    const strange = await byHand(ours({ [LABEL.installation]: randomUUID() }));
    const plain = await byHand({ app: 'somebody-elses' });
    const mine = await byHand(ours({ [LABEL.image]: 'web:1' }));
    const orphan = await listed(mine.id);
    const { Name: name, Created: created } = await mine.inspect();
    expect(orphan).toMatchObject({
      name: name.slice(1),
      image: 'web:1',
      phase: 'running',
      suggested_action: 'reap',
      deployment: { known: 'unknown' },
    });
    expect(Date.parse(orphan.container_created_at ?? '')).toBe(Math.floor(Date.parse(created) / 1000) * 1000);
    const ids = (await orphans()).map(({ container_id: id }) => id);
    expect(ids).not.toContain(strange.id);
    expect(ids).not.toContain(plain.id);
    expect((await decide('reap', orphan)).status).toBe(202);
    await until(async () => !(await exists(mine)), { what: 'the container to be gone', ...SOON });
    await until(async () => ((await client.get(`/api/admin/orphans/${orphan.id}`)).body as OrphanBody).state === 'reaped', SOON);
    expect([await exists(strange), await exists(plain)]).toEqual([true, true]);
  });

  it('does not lose its way among labels that are no ids', async () => {
    const odd = await byHand(ours({ [LABEL.replica]: "1'; --", [LABEL.deployment]: 'none', [LABEL.generation]: '-1' }));
    const without = await byHand({ [LABEL.installation]: product.installationId, [LABEL.replica]: '' });
    for (const container of [odd, without]) {
      const orphan = await listed(container.id);
      expect(orphan).toMatchObject({ suggested_action: 'by_hand', replica_id: null, deployment: null });
      expect((await decide('reap', orphan)).status).toBe(409);
    }
    const jobs = await product.dataSource.query(`SELECT key FROM jobs WHERE kind = 'deployment.reconcile' AND key = 'none'`);
    expect(jobs).toEqual([]);
    // The node goes on as before.
    const id = await deploy(client, 'beside-odd-ones', onDocker());
    await untilHealthy(client, id, 30_000);
    expect((await remove(client, id)).status).toBe(200);
    for (const container of [odd, without]) {
      expect(await exists(container)).toBe(true);
      await container.remove({ force: true });
    }
    await until(async () => (await orphans()).length === 0, { what: 'them to leave the list', ...SOON });
  });

  it('after a restore of the database, adopts what is as its revision says and reaps the rest', async () => {
    const id = await deploy(client, 'restored', onDocker({ replicas: 2, labels: { tier: 'web' } }));
    await untilHealthy(client, id, 30_000);
    await untilNoWork(client, id);
    // The replica was added after the backup that the database is set back to.
    const [lost] = (await product.containers(id)).map(({ Labels: labels, Id }) => ({
      replicaId: labels[LABEL.replica] ?? '',
      containerId: Id,
    }));
    await product.kill();
    await forget(lost!.replicaId);
    await product.startAgain();
    ({ client } = product);
    const orphan = await listed(lost!.containerId);
    expect(orphan).toMatchObject({ deployment: { known: 'live', status: 'running' }, replica_id: lost!.replicaId, replica_status: null });
    const preview = (await client.get(`/api/admin/orphans/${orphan.id}/adopt-preview?raise_target=true`)).body;
    expect(preview).toMatchObject({ possible: true });
    expect((await client.post(`/api/admin/orphans/${orphan.id}/adopt?raise_target=true`, undefined, { ifMatch: orphan.etag })).status).toBe(
      202,
    );
    const view = await until(
      async () => {
        const seen = await statusOf(client, id);
        return inStatus(seen, 'running').some((replica) => replica.id === lost!.replicaId) ? seen : null;
      },
      { what: 'the adopted replica to run', ...SOON },
    );
    expect(inStatus(view, 'running').find((replica) => replica.id === lost!.replicaId)?.container_id).toBe(lost!.containerId);
    expect(await checkInvariants(product.dataSource, { graceSeconds: 15 })).toEqual([]);
    expect((await remove(client, id)).status).toBe(200);
    expect(await product.containers(id)).toEqual([]);
  });

  it('never serves two generations when a lost node returns: what was replaced is removed first', async () => {
    const id = await deploy(client, 'returning', onDocker());
    await untilHealthy(client, id, 30_000);
    await untilNoWork(client, id);
    const [old] = await product.containers(id);
    await product.engine.cut();
    await until(async () => (await statusOf(client, id)).replicas.every(({ confirmed }) => !confirmed), { what: 'the silence', ...SOON });
    // While the engine is away the deployment is stopped and started again, which is another generation.
    expect((await client.post(`/api/deployment/${id}/stop`, undefined)).status).toBeLessThan(300);
    expect((await client.post(`/api/deployment/${id}/start`, undefined)).status).toBeLessThan(300);
    let overlapped = 0;
    let watching = true;
    const watch = (async () => {
      while (watching) {
        const running = (await product.containers(id)).filter(({ State: state }) => state === 'running');
        if (new Set(running.map(({ Labels: labels }) => labels[LABEL.generation])).size > 1) overlapped += 1;
        await sleep(50);
      }
    })();
    await product.engine.restore();
    await until(async () => !(await product.containers(id)).some(({ Id }) => Id === old!.Id), {
      what: 'the old container to be gone',
      ...SOON,
    });
    await client.post(`/api/deployment/${id}/retry`, undefined);
    await until(async () => (await product.containers(id)).some(({ State: state, Id }) => state === 'running' && Id !== old!.Id), SOON);
    watching = false;
    await watch;
    process.stdout.write(`a node that returned with an old generation: two generations ran in ${overlapped} looks\n`);
    expect(overlapped).toBe(0);
    expect((await remove(client, id)).status).toBe(200);
  });

  /** Takes the records of one replica away, past the guards, as a restore to a time before it would, and what it counted for. */
  async function forget(replicaId: string): Promise<void> {
    await product.dataSource.transaction(async (tx) => {
      await tx.query(`SET LOCAL session_replication_role = replica`);
      await tx.query(
        `UPDATE nodes AS n SET reserved_cpu_cores = n.reserved_cpu_cores - v.cpu_cores, reserved_memory_mb = n.reserved_memory_mb - v.memory_mb,
                reserved_gpu_units = n.reserved_gpu_units - v.gpu_units, reserved_storage_gb = n.reserved_storage_gb - v.storage_gb
           FROM reservations AS v WHERE v.replica_id = $1 AND v.node_id = n.id`,
        [replicaId],
      );
      await tx.query(
        `UPDATE deployments SET target_replicas = 1 WHERE id = (SELECT deployment_id FROM deployment_replicas WHERE id = $1)`,
        [replicaId],
      );
      for (const table of ['reservations', 'replica_checks']) await tx.query(`DELETE FROM ${table} WHERE replica_id = $1`, [replicaId]);
      await tx.query(`DELETE FROM deployment_replicas WHERE id = $1`, [replicaId]);
    });
  }
});
