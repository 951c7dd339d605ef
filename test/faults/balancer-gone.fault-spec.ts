import { rm, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { askHaproxy } from '../../src/routing/haproxy/command-socket';
import type { Client } from '../support/client';
import { deploy, remove, untilHealthy } from '../support/deployments-under-test';
import { describeWithHaproxy, HaproxyUnderTest } from '../support/haproxy';
import { Installation } from '../support/installation';
import { adminOf, type ProcessUnderTest } from '../support/process-under-test';
import { until } from '../support/until';

/** The leading process compares and writes each second. */
const SETTLE_MS = 2_500;
const WEB = { ports: [{ container_port: 80 }], routes: [{ port: 80 }] };

interface LedgerBody {
  readonly state: string;
  readonly steps: readonly { readonly step: string; readonly state: string; readonly last_error: string | null }[];
}

describeWithHaproxy('a balancer that is gone, and a process that led it', () => {
  let haproxy: HaproxyUnderTest;
  let installation: Installation;
  beforeEach(async () => {
    haproxy = await HaproxyUnderTest.prepare();
    installation = await Installation.create();
  });
  afterEach(async () => {
    await installation?.close();
    await haproxy?.close();
  });

  const start = (): Promise<ProcessUnderTest> =>
    installation.start({
      ...{ LOAD_BALANCER: 'haproxy', ROUTER_PORT: String(haproxy.port), HAPROXY_FOLDER: haproxy.folder },
      ...{ HAPROXY_MASTER_SOCKET: `${haproxy.folder}/master.sock`, HAPROXY_BACKENDS: '8', DRAIN_SECONDS: '5' },
    });
  const routes = async (): Promise<string> => {
    const map = await askHaproxy(`${haproxy.folder}/admin.sock`, `show map ${haproxy.folder}/routes.map`);
    return [...map.matchAll(/^\S+ (\S+) /gm)].map(([, key]) => key).join(' ');
  };
  const ledgerOf = async (client: Client, id: string): Promise<LedgerBody> =>
    (await client.get(`/api/deployment/${id}/deletion`)).body as LedgerBody;

  it('never keeps a deletion from its end: the ledger says what is wrong, and nothing is left', async () => {
    const process = await start();
    const client = await adminOf(process);
    await haproxy.start();
    const id = await deploy(client, 'gone', WEB);
    await untilHealthy(client, id);
    await until(async () => (await routes()).includes('gone.admin.localhost/'), { what: 'HAProxy to have the route' });
    await haproxy.kill();
    await rm(`${haproxy.folder}/admin.sock`, { force: true });

    const answer = remove(client, id);
    const told = await until(
      async () => {
        const { steps } = await ledgerOf(client, id);
        return steps?.find(({ step, last_error: words }) => step === 'remove_route' && words !== null) ?? null;
      },
      { what: 'the ledger to tell of the trouble' },
    );
    expect(told.last_error).toContain('HAProxy');
    expect([200, 202]).toContain((await answer).status);
    await until(async () => (await ledgerOf(client, id)).state === 'done', { timeoutMs: 60_000, what: 'the deletion to be done' });
    const [left] = await installation.dataSource.query<{ replicas: number; reservations: number; routes: number }[]>(
      `SELECT (SELECT count(*)::int FROM deployment_replicas WHERE deployment_id = $1 AND status <> 'stopped') AS replicas,
              (SELECT count(*)::int FROM reservations WHERE released_at IS NULL) AS reservations,
              (SELECT count(*)::int FROM deployment_routes WHERE removed_at IS NULL) AS routes`,
      [id],
    );
    expect(left).toEqual({ replicas: 0, reservations: 0, routes: 0 });
    // One that is started again has nothing of it.
    await haproxy.start();
    expect(await routes()).toBe('');
  });

  it('is written to by another process once the first one stands still, and never by that again', async () => {
    const first = await start();
    const second = await start();
    await haproxy.start();
    const client = await adminOf(second);
    const old = await deploy(client, 'old', WEB);
    await untilHealthy(client, old);
    await until(async () => (await routes()) === 'old.admin.localhost/', { what: 'the route of before' });

    const files = [`${haproxy.folder}/haproxy.cfg`, `${haproxy.folder}/routes.map`, `${haproxy.folder}/records.map`];
    const writtenAt = (): Promise<number[]> => Promise.all(files.map(async (file) => (await stat(file)).mtimeMs));
    // A process that stands still in the middle of a write finishes it afterwards; what counts is that it begins none.
    const settled = (): Promise<number[]> =>
      until(async () => {
        const before = await writtenAt();
        await sleep(SETTLE_MS);
        return isDeepStrictEqual(await writtenAt(), before) ? before : null;
      });
    await settled();

    first.signal('SIGSTOP');
    const young = await deploy(client, 'young', WEB);
    expect([200, 202]).toContain((await remove(client, old)).status);
    await untilHealthy(client, young);
    await until(async () => (await routes()) === 'young.admin.localhost/', { timeoutMs: 60_000, what: 'the other process to lead' });
    const before = await settled();

    first.signal('SIGCONT');
    await until(() => /lease of the balancer (is lost|failed)|with the lease failed/.test(first.output), {
      what: 'the first process to notice',
    });
    await until(() => standsBy(first), { what: 'the first process to stand by' });
    expect(await writtenAt()).toEqual(before);
    expect(await routes()).toBe('young.admin.localhost/');
  });

  /** A process that does not lead shows no tables. */
  const standsBy = async (process: ProcessUnderTest): Promise<boolean> => {
    const { body } = await (await adminOf(process)).get('/metrics');
    return typeof body === 'string' && body.includes('fog_build_info') && !/^fog_router_tables\{/m.test(body);
  };
});
