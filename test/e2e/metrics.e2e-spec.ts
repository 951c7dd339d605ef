import { Metrics } from '../../src/metrics/metrics';
import { startTestApp, type TestApp } from '../support/test-app';

describe('GET /metrics', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp();
  });
  afterAll(() => t?.close());

  const read = async (): Promise<string> =>
    (
      await t
        .as('root', { admin: true })
        .get('/metrics')
        .expect(200)
        .expect('Content-Type', /^text\/plain/)
    ).text;

  it('is for administrators', async () => {
    await t.http.get('/metrics').expect(401);
    await t.as('ada').get('/metrics').expect(403);
    await read();
  });

  it('counts answers by route template, never by address', async () => {
    await t.as('ada').get('/api/deployment/status/00000000-0000-4000-8000-000000000000').expect(404);
    await t.http.get('/api/some-random-address-1').expect(404);
    const text = await read();
    expect(text).toMatch(
      /fog_http_request_duration_seconds_count\{method="GET",route="\/api\/deployment\/status\/:deployment_id",status="4xx"\} 1/,
    );
    expect(text).toMatch(/route="unmatched",status="4xx"/);
    expect(text).not.toMatch(/some-random-address|00000000-0000/);
    expect(text).toMatch(/fog_build_info\{version="[^"]+",node="v[^"]+"\} 1/);
    expect(text).toMatch(/fog_database_pool_connections\{state="idle"\} \d/);
  });

  it('reads the gauges of a source together, at most every five seconds, and shows nothing old after a failure', async () => {
    const metrics = t.app.get(Metrics);
    let reads = 0;
    metrics.gauges({
      source: 'test',
      gauges: [
        { name: 'fog_test_a', help: 'A.', labels: ['kind'] },
        { name: 'fog_test_b', help: 'B.' },
      ],
      read: () => {
        reads++;
        return { fog_test_a: [{ labels: { kind: 'x' }, value: 1 }], fog_test_b: [{ value: 2 }] };
      },
    });
    metrics.gauges({ source: 'broken', gauges: [{ name: 'fog_test_c', help: 'C.' }], read: () => Promise.reject(new Error('no')) });
    await read();
    const text = await read();
    expect(reads).toBe(1);
    expect(text).toMatch(/fog_test_a\{kind="x"\} 1[\s\S]*fog_test_b 2/);
    expect(text).not.toMatch(/^fog_test_c \d/m);
    expect(text).toMatch(/fog_metrics_read_errors_total\{source="broken"\} 1/);
  });
});

describe('GET /metrics with METRICS_PUBLIC=true', () => {
  it('is open', async () => {
    const t = await startTestApp({ env: { METRICS_PUBLIC: 'true' } });
    try {
      await t.http.get('/metrics').expect(200);
    } finally {
      await t.close();
    }
  });
});
