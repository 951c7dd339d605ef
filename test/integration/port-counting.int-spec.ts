import { Clock } from '../../src/common/clock';
import { PortCounting } from '../../src/worker/port-counting';
import { aSpec } from '../support/deployments';
import { QueryTap } from '../support/query-tap';
import { startTestApp, type TestApp } from '../support/test-app';

const HOUR = 3_600_000;

class SetClock extends Clock {
  time = Date.now();
  override now(): Date {
    return new Date(this.time);
  }
}

describe('the count of ports after an upgrade', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({ env: { ROLE: 'api' } });
  });
  afterAll(() => t?.close());

  const used = async (): Promise<number> => {
    const { body } = await t
      .as('ada')
      .get(`/api/projects/${await t.userId('ada')}`)
      .expect(200);
    return (body as { quota: { ports: { used: number } } }).quota.ports.used;
  };
  const deploy = async (ports: number): Promise<void> => {
    const listed = Array.from({ length: ports }, (_unused, n) => ({ container_port: 80 + n }));
    await t
      .as('ada')
      .post('/api/deployment/deploy')
      .send(aSpec({ replicas: 2, ports: listed }))
      .expect(202);
  };
  /** As a process of before the upgrade writes, which does not know the column. */
  const forget = () => t.dataSource.query(`UPDATE deployment_resources SET ports = 0`);

  it('goes on while processes of before may still write, and ends after that', async () => {
    const clock = new SetClock();
    const counting = new PortCounting(t.dataSource, clock);
    for (const ports of [0, 1, 3]) await deploy(ports);
    await forget();
    expect(await used()).toBe(0);
    await counting.run();
    expect(await used()).toBe(8);
    await counting.run();
    await forget();
    await counting.run();
    expect(await used()).toBe(8);
    clock.time += HOUR;
    // The end of a pass that began within the hour, then a whole one.
    for (let round = 0; round < 3; round++) await counting.run();
    const tap = new QueryTap(t.dataSource);
    expect(await tap.statements(() => counting.run())).toEqual([]);
  });
});
