import { setTimeout as sleep } from 'node:timers/promises';
import type Docker from 'dockerode';
import { checkInvariants } from '../../src/invariants/check-invariants';
import type { Client } from '../support/client';
import { deploy, inStatus, remove, statusOf, untilHealthy } from '../support/deployments-under-test';
import { describeWithEngine } from '../support/engine';
import { until } from '../support/until';
import { onDocker, ProductOnDocker } from './product-on-docker';

interface Shown {
  readonly container_id: string;
  readonly attempt: number;
  readonly started_at: string;
  readonly paused: boolean;
  readonly reason: string | null;
  readonly ports: readonly { readonly host_port: number }[];
}

/** What does not run for a second has failed. On a machine that needs so long for a restart, the test is repeated. */
const SHORT_SECONDS = 0.8;

/** What people do to containers past the program is shown as it is. */
describeWithEngine('a container that somebody handles by hand', () => {
  let product: ProductOnDocker;
  let client: Client;
  let id: string;
  beforeAll(async () => {
    product = await ProductOnDocker.start();
    ({ client } = product);
    id = await deploy(client, 'by-hand', onDocker({ ports: [{ container_port: 8080 }] }));
    await untilHealthy(client, id, 30_000);
  });
  afterAll(() => product?.close(), 60_000);

  const shown = async (): Promise<Shown> => (await statusOf(client, id)).replicas[0] as unknown as Shown;
  const container = async () => product.docker.getContainer((await shown()).container_id);
  const real = async () => {
    const { State: state, NetworkSettings: network } = await (await container()).inspect();
    return { startedAt: Date.parse(state.StartedAt), ports: (network.Ports['8080/tcp'] ?? []).map(({ HostPort }) => Number(HostPort)) };
  };
  const untilAsReal = async (what: string): Promise<void> => {
    await until(
      async () => {
        const [seen, fact] = [await shown(), await real()];
        const isStart = Math.abs(Date.parse(seen.started_at) - fact.startedAt) < 1_000;
        return isStart && fact.ports.length > 0 && String(seen.ports.map((port) => port.host_port).sort()) === String(fact.ports.sort());
      },
      { timeoutMs: 30_000, what },
    );
  };

  it('shows the start of the engine, within a second', () => untilAsReal('the start'));

  it('shows the new host port when its network was connected anew', async () => {
    const before = (await shown()).ports;
    const { container_id: Container } = await shown();
    const { NetworkSettings: settings } = await product.docker.getContainer(Container).inspect();
    const network = product.docker.getNetwork(Object.keys(settings.Networks)[0]!);
    await network.disconnect({ Container, Force: true });
    await until(async () => (await shown()).ports.length === 0, { timeoutMs: 20_000, what: 'the port to be gone' });
    await network.connect({ Container });
    await untilAsReal('the new port');
    expect(before).toHaveLength(1);
  });

  /** For how many seconds it did not run, by the clock of the engine; if it is gone, how long `work` took, which is more. */
  const downFor = async (containerId: string, work: (killed: Docker.Container) => Promise<unknown>): Promise<number> => {
    const killed = product.docker.getContainer(containerId);
    const begun = performance.now();
    await work(killed);
    const took = (performance.now() - begun) / 1_000;
    const { State: state } = await killed.inspect().catch(() => ({ State: null }));
    return state?.Running === true ? (Date.parse(state.StartedAt) - Date.parse(state.FinishedAt)) / 1_000 : took;
  };

  it('takes ten restarts for no failure, and shows start and port of the last one', async () => {
    await sleep(3_000); // so that the new run is visibly shorter than the old one
    for (;;) {
      const { container_id: before, attempt } = await shown();
      let longest = 0;
      for (let restart = 0; restart < 10; restart += 1)
        longest = Math.max(longest, await downFor(before, (each) => each.restart({ t: 0 }).catch(() => undefined)));
      const view = await untilHealthy(client, id, 60_000);
      if (longest > SHORT_SECONDS) continue;
      await untilAsReal('the new run');
      expect(view.replicas.at(0)).toMatchObject({ container_id: before, attempt });
      break;
    }
  }, 180_000);

  it('takes a restart on a slow machine for none either, while it sees that the container does not run', async () => {
    for (;;) {
      const { container_id: before, attempt } = await shown();
      const seconds = await downFor(before, async (killed) => {
        await killed.kill();
        await sleep(200); // the program looks meanwhile
        await killed.start().catch(() => undefined);
      });
      await sleep(2_000); // a failure would be seen and replaced by now
      await untilHealthy(client, id, 60_000);
      if (seconds > SHORT_SECONDS) continue;
      expect(await shown()).toMatchObject({ container_id: before, attempt });
      break;
    }
    await untilAsReal('the new run');
  }, 180_000);

  it('is neither replaced nor a failure while it is paused, and the status says so', async () => {
    const { container_id: paused } = await shown();
    await product.docker.getContainer(paused).pause();
    const view = await until(
      async () => {
        const body = await statusOf(client, id);
        return body.health === 'degraded' ? body : null;
      },
      { timeoutMs: 20_000, what: 'the pause to be shown' },
    );
    expect(view.status).toBe('running');
    expect(view.health_reasons.join()).toContain('are paused');
    expect(await shown()).toMatchObject({
      container_id: paused,
      paused: true,
      reason: expect.stringContaining('Paused on its node since'),
    });
    await sleep(5_000); // two syncs, in which it would be replaced
    expect(await product.containers(id)).toMatchObject([{ Id: paused, State: 'paused' }]);
    const told = async (): Promise<boolean> => {
      const { body } = await client.get(`/api/deployment/${id}/history`);
      return (body as { reason: string }[]).some(({ reason }) => /^Degraded: .*are paused/.test(reason));
    };
    await until(told, { timeoutMs: 40_000, what: 'the owner to be told' });
    await product.docker.getContainer(paused).unpause();
    await untilHealthy(client, id, 20_000);
    expect(await shown()).toMatchObject({ container_id: paused, paused: false, reason: null });
  });

  it('can be deleted while it is paused', async () => {
    await (await container()).pause();
    expect(await remove(client, id, '?wait=30')).toMatchObject({ status: 200 });
    expect(await product.containers(id)).toEqual([]);
  });

  it('leaves its last lines when it fails, and the end of a child is not its own', async () => {
    const script = 'echo "trying $$"; (tail /dev/zero); echo giving up >&2; exit 3';
    const dying = await deploy(client, 'dying', onDocker({ command: ['sh', '-c', script] }));
    const failed = await until(async () => inStatus(await statusOf(client, dying), 'failed')[0], { timeoutMs: 30_000, what: 'the end' });
    expect(failed.reason).toMatch(/^Exited with code 3.*; last line: giving up$/);
    const logs = (await client.get(`/api/deployment/${dying}/logs`)).body as { lines: string[]; kept: boolean }[];
    expect(logs.find(({ kept }) => kept)?.lines).toEqual(expect.arrayContaining([expect.stringMatching(/^trying \d+$/), 'giving up']));
    await remove(client, dying);
  });

  it('is a job that has ended well when it ends with code 0 under on_failure', async () => {
    const job = await deploy(client, 'job', onDocker({ restart: 'on_failure', command: ['sh', '-c', 'echo done'] }));
    const view = await until(
      async () => {
        const body = await statusOf(client, job);
        return body.status === 'stopped' ? body : null;
      },
      { timeoutMs: 30_000, what: 'the job to end' },
    );
    expect(view).toMatchObject({ health: 'healthy', health_reasons: [] });
    await until(async () => (await product.containers(job)).length === 0, { timeoutMs: 20_000, what: 'the container to be removed' });
    await remove(client, job);
    expect(await checkInvariants(product.dataSource, { graceSeconds: 0 })).toEqual([]);
  });
});
