import { startTestApp, type TestApp } from '../support/test-app';

describe('addresses behind a trusted proxy', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp({ env: { TRUSTED_PROXIES: '127.0.0.1', AUTH_RATE_LIMIT_PER_MINUTE: '5' } });
  });
  afterAll(() => t?.close());

  const logIn = (forwarded: string) =>
    t.http.post('/api/auth/login').set('X-Forwarded-For', forwarded).send({ username: 'nobody', password: 'Wrong-Horse-7' });

  it.each([
    ['IPv4 with ports', (n: number) => `203.0.113.7:${String(40_000 + n)}`, '203.0.113.7'],
    ['IPv6 with brackets and ports', (n: number) => `[2001:db8:1::0001]:${String(4_000 + n)}`, '2001:db8:1::1'],
    ['IPv6 in many spellings', (n: number) => ['2001:db8:2:0:0:0:0:1', '2001:DB8:2::1', '[2001:db8:2::1]'][n % 3] ?? '', '2001:db8:2::1'],
    [
      'IPv4 as IPv6',
      (n: number) =>
        ['::ffff:198.51.100.9', '198.51.100.9', '::FFFF:c633:6409', '[0:0:0:0:0:ffff:198.51.100.9]:443', '::ffff:c633:6409'][n % 5] ?? '',
      '198.51.100.9',
    ],
    [
      'words that stand for the proxy',
      (n: number) => ['unknown', '_hidden', `word-${String(n)}`, '1.2.3.4, 999.1.1.1', '10.0.0.1:x'][n % 5] ?? '',
      '127.0.0.1',
    ],
  ])('count and are recorded as one: %s', async (_name, forwarded, address) => {
    const statuses: number[] = [];
    for (let n = 0; n < 8; n++) statuses.push((await logIn(forwarded(n))).status);
    expect(statuses.filter((status) => status === 429)).toHaveLength(3);
    const rows = await t.dataSource.query<{ address: string }[]>(`SELECT DISTINCT address FROM audit_log WHERE action = 'user.login'`);
    expect(rows.map((row) => row.address)).toContain(address);
    expect(rows.filter((row) => !/^[0-9a-f.:]+$/.test(row.address) || /\d:\d{4,}$/.test(row.address))).toEqual([]);
  });

  it.each([
    ['for=192.0.2.60;proto=http;by=203.0.113.43', '192.0.2.60'],
    ['For="[2001:db8:cafe::17]:4711"', '2001:db8:cafe::17'],
    ['for="192.0.2.61:47011"', '192.0.2.61'],
    ['proto=https; for = 192.0.2.62 ; host="a,b;c"', '192.0.2.62'],
    ['for="_hidden, 9.9.9.9", for=192.0.2.63', '192.0.2.63'],
    ['for=192.0.2.64, for=unknown', '127.0.0.1'],
    ['for=192.0.2.65, proto=https', '127.0.0.1'],
    // A quote that a client left open, and what the proxy appended to it.
    ['for=6.6.6.6;a=", for=192.0.2.66;proto=https', '127.0.0.1'],
  ])('are read from Forwarded where that stands alone: %s', async (forwarded, address) => {
    const name = `forwarded-${address.replace(/\W/g, '-')}`;
    const answer = await t.http.post('/api/auth/login').set('Forwarded', forwarded).send({ username: name, password: 'Wrong-Horse-7' });
    // The proxy's own address has used up its places above.
    if (address === '127.0.0.1') return expect(answer.status).toBe(429);
    const [row] = await t.dataSource.query<{ address: string }[]>(
      `SELECT address FROM audit_log WHERE action = 'user.login' ORDER BY id DESC LIMIT 1`,
    );
    expect(row?.address).toBe(address);
  });
});
