import { uptime } from 'node:os';
import type { DataSource } from 'typeorm';
import { AppConfig } from '../../src/config/app-config';
import { ClockWatch } from '../../src/database/clock-watch';
import { inTransaction } from '../../src/database/transaction';
import { openDataSource } from '../support/open-data-source';
import { createTestDatabase, type TestDatabase } from '../support/test-database';

const DAY = 86_400;

/** A step of the clock cannot be made here. Moving what was remembered of it the other way looks the same. */
describe('the watch of the clock of the database', () => {
  let database: TestDatabase;
  let dataSource: DataSource;
  let watch: ClockWatch;
  beforeAll(async () => {
    database = await createTestDatabase();
    dataSource = await openDataSource(database.url, 2);
  });
  afterAll(async () => {
    await dataSource?.destroy();
    await database?.drop();
  });
  beforeEach(async () => {
    watch = new ClockWatch(dataSource, new AppConfig());
    await confirm();
    await watch.look();
  });

  const confirm = () => inTransaction(dataSource, (tx) => watch.confirm(tx));
  const step = (seconds: number): Promise<unknown> =>
    dataSource.query(`UPDATE clock_watch SET seen_at = seen_at - make_interval(secs => $1)`, [seconds]);
  const near = (seconds: number): unknown => expect.closeTo(seconds, -1);

  it('finds nothing while as much time passes as the clock shows', async () => {
    expect(await watch.look()).toEqual({ wentBack: false, stepSeconds: null });
    await step(600);
    expect(await watch.look()).toEqual({ wentBack: false, stepSeconds: null });
    expect(await watch.mayRemove()).toBe(true);
  });

  it('lets nothing be removed after a step forward, from the first moment, until it is confirmed', async () => {
    await step(400 * DAY);
    expect(await watch.mayRemove()).toBe(false);
    expect(await watch.look()).toEqual({ wentBack: false, stepSeconds: near(400 * DAY) });
    expect(await watch.look()).toEqual({ wentBack: false, stepSeconds: near(400 * DAY) });
    expect(await watch.mayRemove()).toBe(false);
    const { before, after } = await confirm();
    expect([before.stepSeconds, after.stepSeconds]).toEqual([near(400 * DAY), null]);
    expect(await watch.mayRemove()).toBe(true);
    expect(await watch.look()).toEqual({ wentBack: false, stepSeconds: null });
  });

  it('trusts the clock again when it has gone back by as much', async () => {
    await step(400 * DAY);
    await watch.look();
    await step(-400 * DAY);
    expect(await watch.look()).toEqual({ wentBack: true, stepSeconds: null });
    expect(await watch.mayRemove()).toBe(true);
  });

  it('sees a step back, and lets nothing be removed after a large one', async () => {
    await step(-90);
    expect(await watch.look()).toEqual({ wentBack: true, stepSeconds: null });
    await step(-2 * 3_600);
    expect(await watch.mayRemove()).toBe(false);
    expect(await watch.look()).toEqual({ wentBack: true, stepSeconds: near(-2 * 3_600) });
  });

  it('does not take a pause of the program, or a sleep of the machine, for a step', async () => {
    await step(3 * DAY);
    await dataSource.query(`UPDATE clock_watch SET uptime_seconds = $1`, [uptime() - 3 * DAY]);
    expect(await watch.look()).toEqual({ wentBack: false, stepSeconds: null });
    expect(await watch.mayRemove()).toBe(true);
  });

  it('cannot tell a long pause from a step when the machine was started anew', async () => {
    await step(3 * DAY);
    await dataSource.query(`UPDATE clock_watch SET boot = 'another', uptime_seconds = 5`);
    expect(await watch.look()).toEqual({ wentBack: false, stepSeconds: near(3 * DAY) });
    const patient = new ClockWatch(dataSource, Object.assign(new AppConfig(), { CLOCK_STEP_MAX_HOURS: 100 }));
    await confirm();
    await step(3 * DAY);
    expect(await patient.look()).toEqual({ wentBack: false, stepSeconds: null });
  });
});
