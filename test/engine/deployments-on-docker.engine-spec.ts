import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type Docker from 'dockerode';
import { checkInvariants } from '../../src/invariants/check-invariants';
import { LABEL } from '../../src/runtime/docker/docker-labels';
import type { Client } from '../support/client';
import { deploy, inStatus, remove, statusOf, untilHealthy, untilNoWork } from '../support/deployments-under-test';
import { describeWithEngine, engineClient, loadTestImage, TEST_IMAGE } from '../support/engine';
import { until } from '../support/until';
import { onDocker, ProductOnDocker } from './product-on-docker';

/** How soon the end of a container must be noticed, as promised. */
const NOTICED_WITHIN_MS = 2_000;

describeWithEngine('deployments on a real Docker Engine', () => {
  const docker = engineClient();
  let product: ProductOnDocker;
  let client: Client;
  let stranger: Docker.Container;
  /** The deployment that the tests below walk through, in order. */
  let id: string;

  const runningIds = async (deploymentId: string): Promise<string[]> =>
    (await product.containers(deploymentId))
      .filter(({ State: state }) => state === 'running')
      .map(({ Id }) => Id)
      .sort();
  const shownIds = async (deploymentId: string): Promise<string[]> =>
    inStatus(await statusOf(client, deploymentId), 'running')
      .map((replica) => replica.container_id ?? '')
      .sort();

  beforeAll(async () => {
    await loadTestImage(docker);
    stranger = await docker.createContainer({
      Image: TEST_IMAGE,
      Labels: { [LABEL.installation]: randomUUID(), [LABEL.replica]: randomUUID() },
    });
    await stranger.start();
    product = await ProductOnDocker.start({ environment: { NODE_SYNC_SECONDS: '10', NODE_OFFLINE_AFTER_SECONDS: '25' } });
    ({ client } = product);
  });

  afterAll(async () => {
    await stranger?.remove({ force: true, v: true });
    await product?.close();
  });

  it('runs three replicas as three containers, and shows their ids', async () => {
    const begun = performance.now();
    id = await deploy(client, 'walk', onDocker({ replicas: 3 }));
    await untilHealthy(client, id, 30_000);
    process.stdout.write(`docker: three replicas ran after ${Math.round(performance.now() - begun)} ms\n`);
    expect(await shownIds(id)).toEqual(await runningIds(id));
    expect(await runningIds(id)).toHaveLength(3);
  });

  it('notices a container that was killed within two seconds, says why, and replaces it', async () => {
    const [victim = ''] = await runningIds(id);
    const begun = performance.now();
    await docker.getContainer(victim).kill();
    const killedMs = performance.now() - begun;
    const failed = await until(
      async () => inStatus(await statusOf(client, id), 'failed').find((replica) => replica.container_id === victim),
      {
        everyMs: 10,
        what: 'the death to be noticed',
      },
    );
    const noticedMs = performance.now() - begun;
    expect(failed.reason).toMatch(/137|SIGKILL|killed/i);
    await untilHealthy(client, id, 30_000);
    process.stdout.write(
      `docker: a killed container was noticed after ${Math.round(noticedMs)} ms (the kill took ${Math.round(killedMs)} ms) and replaced after ${Math.round(performance.now() - begun)} ms\n`,
    );
    expect(noticedMs).toBeLessThan(NOTICED_WITHIN_MS);
    expect(await runningIds(id)).toHaveLength(3);
    expect(await runningIds(id)).not.toContain(victim);
  });

  it('replaces a container that was removed behind its back', async () => {
    const [victim = ''] = await runningIds(id);
    await docker.getContainer(victim).remove({ force: true });
    await until(async () => inStatus(await statusOf(client, id), 'failed').some((replica) => replica.container_id === victim), {
      what: 'the loss to be noticed',
    });
    await untilHealthy(client, id, 60_000);
    expect(await shownIds(id)).toEqual(await runningIds(id));
  });

  it('scales up and down', async () => {
    for (const replicas of [5, 2]) {
      expect(await client.post(`/api/deployment/scale/${id}`, { replicas })).toMatchObject({ status: 200 });
      await until(async () => (await product.containers(id)).length === replicas, { what: `${replicas} containers` });
      await untilHealthy(client, id);
      expect(await shownIds(id)).toEqual(await runningIds(id));
    }
  });

  it('adopts its containers after it was killed, and starts no second ones', async () => {
    const before = await runningIds(id);
    await product.kill();
    const [lost = '', kept = ''] = before;
    await docker.getContainer(lost).kill();
    await product.startAgain();
    ({ client } = product);
    // A job that was under way when it was killed is free again when its lease of 20 s is over.
    await until(async () => inStatus(await statusOf(client, id), 'failed').some((replica) => replica.container_id === lost), {
      what: 'what died meanwhile',
    });
    await until(async () => (await runningIds(id)).length === 2, { timeoutMs: 60_000, what: 'the replacement' });
    await sleep(1_000); // time for a container too many to come
    expect(await runningIds(id)).toContain(kept);
    expect(await product.containers(id)).toHaveLength(2);
  });

  it('replaces a container whose health check fails', async () => {
    const ill = await deploy(
      client,
      'ill',
      onDocker({
        command: ['sh', '-c', 'touch /well; exec sleep 3600'],
        health_check: { command: ['test', '-e', '/well'], interval_seconds: 1, timeout_seconds: 1, retries: 2 },
      }),
    );
    await untilHealthy(client, ill, 30_000);
    const [container = ''] = await runningIds(ill);
    const exec = await docker.getContainer(container).exec({ Cmd: ['sh', '-c', 'mv /well /unwell'] });
    await exec.start({});
    const failed = await until(async () => inStatus(await statusOf(client, ill), 'failed')[0], {
      what: 'the health check to fail',
    });
    expect(failed.reason).toMatch(/health check/i);
    const view = await untilHealthy(client, ill, 30_000);
    expect(inStatus(view, 'running')[0]?.container_id).not.toBe(container);
    expect((await remove(client, ill)).status).toBe(200);
  });

  it('shows a crash loop as such and does not spin', async () => {
    const loop = await deploy(client, 'loop', onDocker({ command: ['sh', '-c', 'sleep 2; exit 3'] }));
    const second = await until(async () => inStatus(await statusOf(client, loop), 'failed').find(({ attempt }) => attempt >= 1), {
      what: 'the second failure',
    });
    expect(second.reason).toMatch(/code 3.*failed 2 times in a row; next attempt in \d+ s/);
    expect(await statusOf(client, loop)).toMatchObject({ health: 'unhealthy' });
    const made = (await statusOf(client, loop)).replicas.length;
    await sleep(3_000); // time for replicas that a spinning loop would make
    expect((await statusOf(client, loop)).replicas).toHaveLength(made);
    expect((await remove(client, loop)).status).toBe(200);
  });

  it('removes a container of a finished replica that came back', async () => {
    const gone = (await statusOf(client, id)).replicas.find(({ status }) => status === 'stopped');
    const orphan = await docker.createContainer({
      Image: TEST_IMAGE,
      Labels: {
        [LABEL.installation]: product.installationId,
        [LABEL.deployment]: id,
        [LABEL.replica]: gone?.id ?? '',
        [LABEL.generation]: '1',
      },
    });
    await orphan.start();
    await until(async () => !(await product.containers(id)).some(({ Id }) => Id === orphan.id), {
      what: 'the orphan to go',
    });
    await untilHealthy(client, id);
  });

  it('deletes without a trace, and never touched what is not its own', async () => {
    const begun = performance.now();
    expect(await remove(client, id)).toMatchObject({ status: 200, body: { replicas_stopped: 2, resources_released: true } });
    process.stdout.write(`docker: a delete of two containers was answered after ${Math.round(performance.now() - begun)} ms\n`);
    expect(await product.containers(id)).toEqual([]);
    expect((await untilNoWork(client, id)).status).toBe('deleted');
    expect((await stranger.inspect()).State.Running).toBe(true);
    expect(await checkInvariants(product.dataSource, { graceSeconds: 0 })).toEqual([]);
  });
});
