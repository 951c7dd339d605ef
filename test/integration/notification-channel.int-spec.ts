import { randomUUID } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { Audit } from '../../src/audit/audit';
import { PubSub } from '../../src/database/pub-sub';
import { inTransaction } from '../../src/database/transaction';
import type { CloudEvent } from '../../src/events/cloud-event';
import { EventPublisher } from '../../src/events/event-publisher';
import { Events } from '../../src/events/events';
import type { ClaimedJob, JobResult } from '../../src/jobs/job-kinds';
import { Metrics } from '../../src/metrics/metrics';
import { Channels } from '../../src/notifications/channels';
import { DeliverHandler } from '../../src/notifications/deliver.handler';
import { DeliveriesRepository } from '../../src/notifications/deliveries.repository';
import {
  NotificationChannel,
  type AddressConfirmation,
  type ChannelTarget,
  type IssuedSecret,
} from '../../src/notifications/notification-channel';
import type { Sent } from '../../src/common/sent';
import { openDataSource } from '../support/open-data-source';
import { aUser, insertRow } from '../support/rows';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

const KIND = 'pigeon';

/** A channel that exists only in this test. */
class Pigeons extends NotificationChannel<null> {
  readonly kind = KIND;
  readonly noun = 'Pigeon';
  readonly mostPerUser = 1;
  mostAnHour: number | null = null;
  tellsOfDisabled = false;
  confirmation: AddressConfirmation | null = null;
  result: Sent = { ok: true, status: null };
  readonly sent: { to: string; type: string }[] = [];

  requireAvailable = (): void => undefined;
  checkTarget = (): Promise<void> => Promise.resolve();
  issueSecret = (): IssuedSecret<null> => ({ shown: null, sealed: null });
  visibleTarget = () => ({});
  send(target: ChannelTarget, event: CloudEvent): Promise<Sent> {
    this.sent.push({ to: target.email, type: event.type });
    return Promise.resolve(this.result);
  }
}

describe('a channel of any kind is served by its contract', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  let pubSub: PubSub;
  let events: Events;
  let pigeons: Pigeons;
  let deliveries: DeliveriesRepository;
  let handler: DeliverHandler;
  let publishing: { id: string; claim: string };
  let user: { id: string; email: string };
  const never = new AbortController().signal;

  beforeAll(async () => {
    database = await createTestDatabase();
    dataSource = await openDataSource(database.url);
    pubSub = new PubSub(dataSource);
    events = new Events(pubSub);
    await dataSource.query(`ALTER TABLE subscriptions DROP CONSTRAINT ck_subscriptions_kind`);
    publishing = await aJob('events.publish', 'all');
  });
  beforeEach(async () => {
    pigeons = new Pigeons();
    const channels = new Channels([pigeons]);
    deliveries = new DeliveriesRepository(dataSource, channels);
    handler = new DeliverHandler(dataSource, deliveries, channels, events, new Audit(dataSource), new Metrics());
    const email = `${randomUUID()}@test.example`;
    user = { id: await aUser(dataSource, { email }), email };
  });
  afterAll(async () => {
    await pubSub?.onApplicationShutdown();
    await dataSource?.destroy();
    await database?.drop();
  });

  const aJob = async (kind: 'events.publish' | 'notification.deliver', key: string): Promise<ClaimedJob> => {
    const claim = randomUUID();
    const id = await insertRow(dataSource, 'jobs', { kind, key, claim, lease_until: new Date(Date.now() + 3_600_000) });
    return { id, kind, key, attempts: 0, wishes: '0', claim };
  };
  const subscribe = (values: object = {}) => insertRow(dataSource, 'subscriptions', { user_id: user.id, kind: KIND, ...values });
  const confirmAddress = () => insertRow(dataSource, 'confirmed_addresses', { user_id: user.id, email: user.email });
  /** Publishes an event of the user. */
  const happens = (type: 'fog.deployment.created' | 'fog.notification.disabled') =>
    inTransaction(dataSource, async (tx) => {
      await events.record(tx, [{ type, userId: user.id }]);
      const range = await new EventPublisher(dataSource, pubSub).publish(tx, publishing, 100);
      return deliveries.createFor(tx, range!);
    });
  const deliver = async (id: string): Promise<JobResult> => handler.handle(await aJob('notification.deliver', id), never);
  const typesSent = () => pigeons.sent.map(({ type }) => type);

  it('sends what its subscriptions want', async () => {
    const id = await subscribe({ event_types: '{fog.deployment.created}' });
    expect(await happens('fog.deployment.created')).toEqual([id]);
    expect(await happens('fog.notification.disabled')).toEqual([]);
    expect(await deliver(id)).toEqual({ kind: 'again', afterMs: 0 });
    expect(pigeons.sent).toEqual([{ to: user.email, type: 'fog.deployment.created' }]);
  });

  it('tells of what was switched off when it says so, whatever types were asked for', async () => {
    pigeons.tellsOfDisabled = true;
    const id = await subscribe({ event_types: '{fog.deployment.created}' });
    expect(await happens('fog.notification.disabled')).toEqual([id]);
    await deliver(id);
    expect(typesSent()).toEqual(['fog.notification.disabled']);
  });

  it('has a subscription switched off at once when it says that nothing will arrive there again', async () => {
    pigeons.result = { ok: false, status: null, words: 'No loft', disabledReason: 'The loft is gone.' };
    const id = await subscribe();
    await happens('fog.deployment.created');
    await deliver(id);
    const [row] = await dataSource.query<object[]>(`SELECT enabled, disabled_reason FROM subscriptions WHERE id = $1`, [id]);
    expect(row).toEqual({ enabled: false, disabled_reason: 'The loft is gone.' });
    const told = await dataSource.query<object[]>(`SELECT data FROM events WHERE type = 'fog.notification.disabled' AND user_id = $1`, [
      user.id,
    ]);
    expect(told).toEqual([{ data: { subscription_id: id, kind: KIND, reason: 'The loft is gone.' } }]);
    const audited = await dataSource.query<object[]>(`SELECT action, resource_type FROM audit_log WHERE resource_id = $1`, [id]);
    expect(audited).toEqual([{ action: 'pigeon.disable', resource_type: KIND }]);
  });

  it('waits an hour when it has sent as many as it may', async () => {
    pigeons.mostAnHour = 1;
    const id = await subscribe();
    await happens('fog.deployment.created');
    await deliver(id);
    await happens('fog.deployment.created');
    await dataSource.query(`DELETE FROM jobs WHERE key = $1`, [id]);
    const result = await deliver(id);
    expect(result).toMatchObject({ kind: 'again' });
    expect(result.kind === 'again' && result.afterMs).toBeGreaterThan(3_500_000);
    expect(pigeons.sent).toHaveLength(1);
  });

  it('asks the address first when it has a question, and then sends', async () => {
    const asked: string[] = [];
    pigeons.confirmation = {
      ask: () => Promise.resolve(),
      sendQuestion: (_job, { email }) => {
        asked.push(email);
        return Promise.resolve({ kind: 'done' });
      },
      howToConfirm: () => '',
      purge: () => Promise.resolve(),
    };
    const id = await subscribe();
    expect(await happens('fog.deployment.created')).toEqual([]);
    expect(await deliver(id)).toEqual({ kind: 'done' });
    expect([asked, pigeons.sent]).toEqual([[user.email], []]);
    await confirmAddress();
    expect(await happens('fog.deployment.created')).toEqual([id]);
    await dataSource.query(`DELETE FROM jobs WHERE key = $1`, [id]);
    await deliver(id);
    expect(typesSent()).toEqual(['fog.deployment.created']);
  });

  it('fails the job in words when this process does not know the kind', async () => {
    const id = await subscribe({ kind: 'telegraph' });
    expect(await happens('fog.deployment.created')).toEqual([id]);
    await expect(deliver(id)).rejects.toThrow('"telegraph"');
  });
});
