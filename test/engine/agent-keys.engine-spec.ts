import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KeptValue } from '../../src/agent/disk/kept-value';
import { readIdentity, type KeptIdentity } from '../../src/agent/identity/identity';
import { AgentUnderTest, joinToken } from '../support/agent-under-test';
import type { Client } from '../support/client';
import { describeWithEngine } from '../support/engine';
import { Installation } from '../support/installation';
import { adminOf } from '../support/process-under-test';
import { until } from '../support/until';

const MONTHS_AGO = new Date(Date.now() - 100 * 86_400_000).toISOString();

describeWithEngine('the key of an agent in a process of its own', () => {
  const home = mkdtempSync(join(tmpdir(), 'fog-agent-'));
  const stolen = mkdtempSync(join(tmpdir(), 'fog-agent-stolen-'));
  const copied = mkdtempSync(join(tmpdir(), 'fog-agent-copied-'));
  const agents: AgentUnderTest[] = [];
  let installation: Installation;
  let client: Client;
  let env: Record<string, string>;

  beforeAll(async () => {
    installation = await Installation.create();
    const product = await installation.start({ RUNTIME: 'agent' });
    client = await adminOf(product);
    const token = await joinToken(client);
    env = { SERVER_URL: product.url, JOIN_TOKEN: token };
  });
  afterAll(async () => {
    for (const agent of agents) await agent.kill();
    await installation?.close();
    for (const folder of [home, stolen, copied]) rmSync(folder, { recursive: true, force: true });
  });

  const started = async (folder: string): Promise<AgentUnderTest> => {
    const agent = new AgentUnderTest({ ...env, DATA_DIR: folder });
    agents.push(agent);
    await agent.start();
    return agent;
  };
  const isUp = (agent: AgentUnderTest) => until(() => agent.output.includes('The link to the control plane is up'), { what: 'the link' });
  const onDisk = () => KeptValue.open<KeptIdentity | null>(join(home, 'agent', 'identity'), readIdentity);
  const known = async (): Promise<{ present: string; next: string | null }> => {
    const [row] = await installation.dataSource.query<{ present: Buffer; next: Buffer | null }[]>(
      `SELECT public_key AS present, next_public_key AS next FROM node_agents`,
    );
    return { present: row?.present.toString('base64url') ?? '', next: row?.next?.toString('base64url') ?? null };
  };

  it('is replaced by itself when it is old, also when the process is killed in between, and neither the old one nor a copy opens anything', async () => {
    const first = await started(home);
    await isUp(first);
    await first.kill();
    const before = (await known()).present;
    cpSync(home, stolen, { recursive: true });

    const kept = await onDisk();
    await kept.replace({ ...kept.current!, keys: { ...kept.current!.keys, madeAt: MONTHS_AGO } });
    const second = await started(home);
    const { next } = await until(async () => ((await known()).next === null ? null : known()), { what: 'the next key' });
    await second.kill();
    expect(next).not.toBe(before);

    const third = await started(home);
    await isUp(third);
    // It is used from the next hello on.
    await until(async () => (await onDisk()).current?.keys.publicKey === next, { what: 'the next key on the disk' });
    await third.kill();
    const fourth = await started(home);
    await isUp(fourth);
    await until(async () => (await known()).present === next, { what: 'the next key to be the one' });
    expect(await known()).toEqual({ present: next, next: null });
    expect((await onDisk()).current).toMatchObject({ keys: { publicKey: next }, nextKeys: null });
    await until(async () => JSON.stringify((await client.get('/api/nodes')).body).includes('"status":"idle"'), { what: 'the node online' });

    // A copy of now has the key, the ticket and the engine. While the machine is linked it is a second one, and knows that for good.
    cpSync(home, copied, { recursive: true });
    const copy = await started(copied);
    await until(() => copy.output.includes('refuses this agent (second_machine)'), { what: 'the refusal of the copy' });
    expect(copy.output).not.toContain('The link to the control plane is up');
    const ups = (): number => fourth.output.split('The link to the control plane is up').length;
    await until(() => ups() >= 3, { what: 'a newer ticket for the machine' });
    await copy.kill();
    await fourth.kill();
    const again = await started(copied);
    await until(() => again.output.includes('refuses this agent (second_machine)'), { what: 'the refusal of the copy by its ticket' });
    await again.kill();
    const fifth = await started(home);
    await isUp(fifth);

    const thief = await started(stolen);
    await until(() => thief.output.includes('refuses this agent (wrong_key)'), { what: 'the refusal of the old key' });
    expect(fifth.isRunning).toBe(true);
  });
});
