import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { SecretBox } from '../../src/common/crypto/secret-box';
import { envContext } from '../../src/deployments/spec/container-vault';
import { kubeconfigContext } from '../../src/engines/kubeconfig';
import { checkInvariants } from '../../src/invariants/check-invariants';
import { SEALED_COLUMNS } from '../../src/sealed-columns';
import type { Answer, Client } from '../support/client';
import { deployWish, statusOf, untilHealthy } from '../support/deployments-under-test';
import { Installation } from '../support/installation';
import { adminOf, ProcessUnderTest, type Environment } from '../support/process-under-test';
import { aNode } from '../support/rows';
import { until } from '../support/until';
import { Balancer } from './balancer';

const ROLES = ['api', 'api', 'worker'] as const;
/** As many as keep the command busy for a while. */
const REVISIONS = 20_000;
const KILLS = 3;
const COMMON = { JWT_SECRET: 'x'.repeat(40), WEBHOOK_ALLOWED_NETWORKS: '127.0.0.0/8' };
const [OLD, NEW] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')];
const boxOf = (key: string): SecretBox => new SecretBox(Buffer.from(key, 'base64'));

/** What each phase of a rotation gives to every process. */
const PHASES = {
  before: { ENCRYPTION_KEY: OLD },
  both: { ENCRYPTION_KEY: NEW, ENCRYPTION_KEY_PREVIOUS: OLD },
  after: { ENCRYPTION_KEY: NEW },
} as const;

/** Writes and reads what is encrypted, in a loop. Every answer has to be a good one. */
class SealedLoad {
  readonly wrong: string[] = [];
  readonly values = new Map<string, string>();
  readonly deployments: string[] = [];
  rounds = 0;
  /** Requests whose connection a process cut that ended while the machine was slow. They are repeated with their keys. */
  cut = 0;
  private isStopped = false;

  constructor(
    private readonly client: () => Client,
    private readonly project: string,
  ) {}

  async run(loop: number): Promise<void> {
    const hook = await this.insist('webhook', [201], (client, key) =>
      client.post('/api/notifications/webhooks', { url: 'https://127.0.0.1:8443/hook' }, { key }),
    );
    const { id: webhook } = hook.body as { id: string };
    for (let turn = 0; !this.isStopped; turn++) {
      const [name, value] = [`s-${loop}-${turn % 5}`, `value ${loop} ${turn}`];
      await this.insist('secret', [200, 201], (client, key) => client.put(this.at(`secrets/${name}`), { value }, { key }));
      this.values.set(name, value);
      const login = { server: 'ghcr.io/team', username: 'puller', password: `password ${turn}` };
      await this.insist('registry', [200, 201], (client, key) => client.put(this.at(`registries/r-${loop}`), login, { key }));
      const rotate = `/api/notifications/webhooks/${webhook}/rotate-secret`;
      await this.insist('webhook', [200], (client, key) => client.post(rotate, undefined, { key }));
      const wish = deployWish(`d-${loop}-${turn}`, { project: this.project, env: { TURN: String(turn) }, secret_env: { VALUE: name } });
      const { status, body } = await this.insist('deploy', [202], (client, key) => client.post('/api/deployment/deploy', wish, { key }));
      if (status === 202) this.deployments.push((body as { deployment_id: string }).deployment_id);
      for (const id of this.deployments.slice(-2)) await this.insist('read', [200], (client) => client.get(`/api/deployment/${id}`));
      const old = this.deployments[Math.floor(Math.random() * this.deployments.length)] ?? '';
      const env = { CHANGED: `${loop} ${turn}` };
      // 409: a rollout of it is under way.
      await this.insist('change', [200, 202, 409], (client, key) => client.patch(`/api/deployment/${old}`, { env }, { key }));
      this.rounds += 1;
      await sleep(20);
    }
  }

  stop(): void {
    this.isStopped = true;
  }

  private at(rest: string): string {
    return `/api/projects/${this.project}/${rest}`;
  }

  private async insist(what: string, statuses: readonly number[], call: (client: Client, key: string) => Promise<Answer>): Promise<Answer> {
    for (const key = randomUUID(); ; this.cut++) {
      const answer = await call(this.client(), key).catch(() => null);
      if (answer === null) continue;
      const { status, body } = answer;
      if (!statuses.includes(status)) this.wrong.push(`${what}: ${status} ${JSON.stringify(body).slice(0, 300)}`);
      return answer;
    }
  }
}

describe('the encryption key changed under load, with the command killed in the middle', () => {
  let installation: Installation;
  let dataSource: DataSource;
  let processes: ProcessUnderTest[] = [];
  let clients: Client[] = [];
  let load: SealedLoad;
  let nodeId: string;
  const said: string[] = [];
  const codes: (number | null)[] = [];

  /** How many encrypted values do not begin as those of this key. */
  const sealedOtherwise = async (key: string): Promise<Record<string, number>> => {
    const counts: Record<string, number> = {};
    for (const { table, column } of SEALED_COLUMNS) {
      const [row] = await dataSource.query<[{ count: number }]>(
        `SELECT count(*)::int AS count FROM ${table} WHERE ${column} IS NOT NULL AND substring(${column} FROM 1 FOR 5) <> $1`,
        [boxOf(key).head],
      );
      counts[`${table}.${column}`] = row.count;
    }
    return counts;
  };
  const none = Object.fromEntries(SEALED_COLUMNS.map(({ table, column }) => [`${table}.${column}`, 0]));
  const total = (counts: Record<string, number>): number => Object.values(counts).reduce((sum, count) => sum + count, 0);

  const replaceAll = async (environment: Environment): Promise<void> => {
    for (const [n, ROLE] of ROLES.entries()) {
      const enough = load.rounds + 3;
      await until(() => load.rounds >= enough, { timeoutMs: 60_000, what: 'work' });
      codes.push((await processes[n]!.kill('SIGTERM')).code);
      processes[n] = await installation.start({ ROLE, ...COMMON, ...environment });
      clients[n] = clients[n]!.at(processes[n].url);
    }
  };
  const command = (environment: Environment): ProcessUnderTest =>
    new ProcessUnderTest({ DATABASE_URL: installation.databaseUrl, ...COMMON, ...environment }, { program: 'secrets-change' });

  beforeAll(async () => {
    installation = await Installation.create();
    ({ dataSource } = installation);
    processes = await Promise.all(ROLES.map((ROLE) => installation.start({ ROLE, ...COMMON, ...PHASES.before })));
    const admin = await adminOf(processes[0]!);
    // Room for all that the load deploys, so that what is deployed last does not wait for it.
    await dataSource.query(`UPDATE nodes SET cpu_cores = 10000, memory_mb = 10000000, storage_gb = 100000`);
    clients = processes.map(({ url }) => admin.at(url));
    const { body } = await admin.post('/api/projects', { name: 'team' });
    const project = (body as { id: string }).id;

    const { body: first } = await admin.post('/api/deployment/deploy', deployWish('first', { project, env: { A: '1' } }));
    const { deployment_id: id } = first as { deployment_id: string };
    await untilHealthy(admin, id);
    const old = boxOf(OLD);
    const sealed = old.seal(JSON.stringify({ env: { A: '1' } }), envContext(id));
    await dataSource.query(
      `INSERT INTO deployment_revisions (deployment_id, number, spec, env_sealed)
       SELECT $1, n, '{"image": "nginx:1", "envNames": ["A"]}', $2 FROM generate_series(1001, $3::int) AS n`,
      [id, sealed, 1_000 + REVISIONS],
    );
    nodeId = await aNode(dataSource, { runtime: 'kubernetes', last_heartbeat: null });
    await dataSource.query(`INSERT INTO node_clusters (node_id, kubeconfig, namespace) VALUES ($1, $2, 'fog')`, [
      ...[nodeId, old.seal('a kubeconfig', kubeconfigContext(nodeId))],
    ]);

    const balancer = new Balancer(() => [0, 1].map((n) => [processes[n]!, clients[n]!] as const));
    await balancer.look();
    load = new SealedLoad(() => balancer.client, project);
    const looking = balancer.run();
    const work = Promise.all([0, 1].map((loop) => load.run(loop)));

    // Too early: nobody has the new key yet.
    const early = command(PHASES.both);
    codes.push((await early.ended).code === 2 ? 0 : 1);
    said.push(early.output);
    await replaceAll(PHASES.both);
    for (let kill = 0; kill < KILLS; kill++) {
      const before = total(await sealedOtherwise(NEW));
      const killed = command(PHASES.both);
      await until(async () => !killed.isAlive || total(await sealedOtherwise(NEW)) < before - 500, { timeoutMs: 60_000, what: 'a part' });
      await killed.kill('SIGKILL');
      said.push(`killed with ${total(await sealedOtherwise(NEW))} left`);
    }
    const last = command(PHASES.both);
    codes.push((await last.ended).code);
    said.push(last.output);
    await replaceAll(PHASES.after);
    const enough = load.rounds + 10;
    await until(() => load.rounds >= enough, { timeoutMs: 60_000, what: 'work' });
    load.stop();
    await work;
    balancer.stop();
    await looking;
    process.stdout.write(
      `rotation: ${load.rounds} rounds of writes, ${load.deployments.length} deployments, ${load.cut} cut\n${said.join('\n')}\n`,
    );
  }, 600_000);

  afterAll(() => installation?.close());

  it('failed no request, and ended every process cleanly', () => {
    expect(load.wrong).toEqual([]);
    expect(codes).toEqual(codes.map(() => 0));
  });

  it('was refused while processes lacked the new key, went on where it was killed, and says when the old key can go', () => {
    expect(said[0]).toMatch(/3 processes are running without the new key/);
    const left = said.flatMap((words) => /killed with (\d+) left/.exec(words)?.[1] ?? []).map(Number);
    expect(left).toEqual([...left].sort((a, b) => b - a));
    expect(left.at(-1)).toBeGreaterThan(0);
    expect(left[0]).toBeLessThan(REVISIONS);
    expect(said.at(-1)).toMatch(/ENCRYPTION_KEY_PREVIOUS can be taken away from all processes/);
  });

  it('left nothing that is encrypted with the old key, and everything readable', async () => {
    expect(await sealedOtherwise(NEW)).toEqual(none);
    const box = boxOf(NEW);
    for (const { table, column, key, context } of SEALED_COLUMNS) {
      const [[first], [second] = ["''"]] = key;
      const rows = await dataSource.query<{ first: string; second: string; sealed: Buffer }[]>(
        `SELECT ${first}::text AS first, ${second}::text AS second, ${column} AS sealed FROM ${table} WHERE ${column} IS NOT NULL`,
      );
      expect([table, rows.filter((row) => box.openOrNull(row.sealed, context(row.first, row.second)) === null)]).toEqual([table, []]);
    }
    const held = await dataSource.query<{ name: string; id: string; sealed: Buffer }[]>(
      `SELECT name, project_id AS id, sealed FROM project_secrets`,
    );
    const opened = held.map(({ name, id, sealed }) => [name, box.open(sealed, `secret ${id} ${name}`)] as const);
    expect(new Map(opened)).toEqual(load.values);
  });

  it('lets what is deployed now start with its values', async () => {
    const client = clients[0]!;
    const id = load.deployments.at(-1) ?? '';
    await untilHealthy(client, id, 120_000);
    expect((await client.post(`/api/deployment/${id}/restart`, {}, { key: randomUUID() })).status).toBeLessThan(300);
    await until(async () => JSON.stringify(await statusOf(client, id)).includes('"running"'));
    expect(await checkInvariants(dataSource, { graceSeconds: 15 })).toEqual([]);
  });
});
