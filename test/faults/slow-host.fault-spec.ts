import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Installation } from '../support/installation';
import { adminOf, ProcessUnderTest, refusedStart } from '../support/process-under-test';
import { until } from '../support/until';
import { WebhookReceiver } from '../support/webhook-receiver';

const SCRIPT = join(__dirname, '../support/slow-host.py');
const NAMES = { NODE_OPTIONS: `--require ${join(__dirname, '../support/slow-name.cjs')}` };
const PYTHON = ['/usr/bin/python3', '/usr/local/bin/python3'].find((path) => existsSync(path));

/** Why there can be no such host here; null: there can. */
function missing(): string | null {
  if (process.platform !== 'linux') return 'needs Linux';
  if (PYTHON === undefined) return 'needs python3';
  const addresses = existsSync('/proc/net/if_inet6') ? readFileSync('/proc/net/if_inet6', 'utf8') : '';
  return / lo$/m.test(addresses) ? null : 'needs IPv6 on the loopback interface';
}

const words = missing();
if (words !== null) process.stderr.write(`\nSKIPPED: hosts with a dead IPv6 address: ${words}\n\n`);

/** `slow.example`: its IPv6 address says nothing, and its IPv4 address takes a second. Node gives up after a quarter of one. */
(words === null ? describe : describe.skip)('a host with a dead IPv6 address beside a slow IPv4 one', () => {
  const hosts: ChildProcess[] = [];
  let installation: Installation;
  let receiver: WebhookReceiver;
  let product: ProcessUnderTest;
  let databaseUrl: string;

  async function slowly({ hostname, port }: URL): Promise<string> {
    const host = spawn(PYTHON ?? '', [SCRIPT, hostname, port === '' ? '5432' : port], { stdio: ['ignore', 'pipe', 'inherit'] });
    hosts.push(host);
    const { value } = (await createInterface(host.stdout)[Symbol.asyncIterator]().next()) as { value: string };
    return `slow.example:${value}`;
  }

  beforeAll(async () => {
    installation = await Installation.create();
    receiver = await WebhookReceiver.start();
    const url = new URL(installation.databaseUrl);
    const host = await slowly(url);
    databaseUrl = url.toString().replace(url.host, host);
    product = await installation.start({
      ...NAMES,
      ...{ DATABASE_URL: databaseUrl, JWT_SECRET: 'x'.repeat(40), ENCRYPTION_KEY: Buffer.alloc(32, 1).toString('base64') },
      ...{ WEBHOOK_ALLOWED_NETWORKS: '127.0.0.0/8,::1', WEBHOOK_ALLOW_HTTP: 'true' },
    });
  });
  afterAll(async () => {
    await installation?.close();
    await receiver?.close();
    for (const host of hosts) host.kill('SIGKILL');
  });

  it('is reached as the database of the server', async () => {
    expect((await fetch(`${product.url}/health/ready`)).status).toBe(200);
  });

  it.each([
    ['check-invariants', 0, /All \d+ invariants hold/],
    ['audit-verify', 0, /as they were written/],
    ['recover-administrator', 2, /the user name is missing/],
    ['secrets-change', 0, /./],
  ])('is reached as the database of %s', async (program, code, said) => {
    const environment = { JWT_SECRET: 'x'.repeat(40), ENCRYPTION_KEY: Buffer.alloc(32, 1).toString('base64') };
    const tool = new ProcessUnderTest({ ...NAMES, DATABASE_URL: databaseUrl, ...environment }, { program });
    expect([await tool.ended, tool.output]).toEqual([{ code, signal: null }, expect.stringMatching(said)]);
  });

  it('is described by its name where it does not answer at all', async () => {
    const silent = databaseUrl.replace('slow.example', '[::1]');
    const refused = await refusedStart({ DATABASE_URL: silent });
    expect([refused.code, refused.output]).toEqual([
      1,
      expect.stringMatching(/The database at \[::1\]:\d+\/\S+ does not answer\. Check DATABASE_URL/),
    ]);
  });

  it('is reached by the first attempt of a webhook', async () => {
    const client = await adminOf(product);
    const url = new URL(receiver.url('/slow'));
    const saved = await client.post('/api/notifications/webhooks', { url: `http://${await slowly(url)}/slow` });
    expect(saved).toMatchObject({ status: 201 });
    const { id } = saved.body as { id: string };
    await client.post(`/api/notifications/webhooks/${id}/test`, undefined);
    await receiver.untilReceived('/slow', 1);
    const tries = async (): Promise<unknown> => {
      const { body } = await client.get(`/api/notifications/webhooks/${id}/deliveries`);
      return (body as { deliveries: { attempts: number; state: string }[] }).deliveries.find(({ state }) => state === 'delivered');
    };
    expect(await until(tries, { what: 'the delivery to be noted' })).toMatchObject({ attempts: 1 });
  });
});
