import fc from 'fast-check';
import { loadConfig } from './app-config';

const DATABASE_URL = 'postgres://fog@db:5432/fog';
const faults = (env: NodeJS.ProcessEnv): string[] => {
  try {
    loadConfig(env);
    return [];
  } catch (error) {
    const [head, ...lines] = (error as Error).message.split('\n');
    expect(head).toBe('Invalid environment:');
    return lines.map((line) => line.trim());
  }
};

describe('loadConfig', () => {
  it('has a default for everything', () => {
    expect(loadConfig({})).toMatchObject({
      ...{ PORT: 8000, HOST: '127.0.0.1', DATA_DIR: '.data', ROLE: 'all', RUNTIME: 'auto', LOG_LEVEL: 'info' },
      ...{ RATE_LIMIT_PER_MINUTE: 1200, AUTH_RATE_LIMIT_PER_MINUTE: 30, REGISTRATION_ENABLED: true, METRICS_PUBLIC: false },
      ...{ MAX_REPLICAS: 100, MIN_CPU_CORES: 0.5, MAX_CPU_CORES: 32, MIN_MEMORY_MB: 512, MAX_MEMORY_MB: 65_536, MAX_GPU_UNITS: 8 },
      ...{ MIN_STORAGE_GB: 1, MAX_STORAGE_GB: 1000, STOP_GRACE_SECONDS: 10, LOGIN_MAX_FAILURES: 5 },
    });
    expect(loadConfig({}).DATABASE_URL).toBeUndefined();
    expect(loadConfig({}).JWT_SECRET).toBeUndefined();
  });

  it('reads numbers and flags from text', () => {
    const config = loadConfig({ PORT: '0', MIN_CPU_CORES: '0.125', REGISTRATION_ENABLED: 'false', METRICS_PUBLIC: 'true', DATABASE_URL });
    expect(config).toMatchObject({ PORT: 0, MIN_CPU_CORES: 0.125, REGISTRATION_ENABLED: false, METRICS_PUBLIC: true, DATABASE_URL });
  });

  it('takes empty variables for absent ones', () => {
    expect(loadConfig({ PORT: '', DATABASE_URL: '  ', JWT_SECRET: '', METRICS_PUBLIC: ' ', RUNTIME: undefined })).toEqual(loadConfig({}));
  });

  it('keeps what is deleted for thirty days when the retention is blank', () => {
    for (const RETENTION_DAYS of ['', ' ', undefined]) expect(loadConfig({ RETENTION_DAYS }).RETENTION_DAYS).toBe(30);
  });

  it('takes only its own variables from the environment', () => {
    expect(loadConfig({ PATH: '/bin', npm_config_cache: 'x', constructor: 'x', toString: 'y' })).toEqual(loadConfig({}));
  });

  it('cannot be changed afterwards', () => {
    expect(Object.isFrozen(loadConfig({}))).toBe(true);
  });

  it('names all faults at once, each by its variable', () => {
    const wrong = {
      PORT: '65536',
      ROLE: 'boss',
      RUNTIME: 'podman',
      LOG_LEVEL: 'loud',
      DATABASE_URL: 'mysql://db/fog',
      JWT_SECRET: 'short',
      METRICS_PUBLIC: 'yes',
      ADMIN_USERNAME: 'a b',
      WORKER_CONCURRENCY: 'many',
    };
    const named = faults(wrong);
    for (const name of Object.keys(wrong)) expect(named.filter((line) => line.startsWith(name))).not.toEqual([]);
  });

  it.each([
    ['PORT', '-1'],
    ['PORT', '80.5'],
    ['PORT', '0x'],
    ['PORT', 'NaN'],
    ['PORT', 'Infinity'],
    ['REGISTRATION_ENABLED', '1'],
    ['REGISTRATION_ENABLED', 'TRUE'],
    ['JWT_SECRET', 'x'.repeat(31)],
    ['JWT_JWKS_URL', 'file:///keys.json'],
    ['DATABASE_URL', 'localhost/fog'],
    ['MIN_CPU_CORES', '0'],
    ['MIN_CPU_CORES', '0.0005'],
    ['ADMIN_PASSWORD', 'short'],
    ['NODE_OFFLINE_AFTER_SECONDS', '1'],
    ['RUNTIME', 'Docker'],
    ['RUNTIME', 'kubernetes'],
    ...['localhost', 'all', '127.0.0.1:80', '127.0.0', '*'].map((address) => ['PUBLISH_ADDRESS', address]),
    ...['0', '-1', '0.5', '36501', '1e9', 'never'].map((days) => ['RETENTION_DAYS', days]),
    ['PURGE_MAX_PER_HOUR', '-1'],
  ])('refuses %s=%s', (name, value) => {
    expect(faults({ [name]: value }).some((line) => line.startsWith(name))).toBe(true);
  });

  it.each(['api', 'worker'])('wants a database server of its own for the role %s', (ROLE) => {
    expect(faults({ ROLE })).toEqual([`ROLE=${ROLE} needs DATABASE_URL: the embedded database belongs to one process`]);
    expect(faults({ ROLE, DATABASE_URL })).toEqual([]);
  });

  it('wants to be told which tokens of an identity provider to accept', () => {
    const JWT_JWKS_URL = 'https://login.example.com/jwks';
    expect(faults({ JWT_JWKS_URL, JWT_ISSUER: 'them' })).toEqual([
      'JWT_JWKS_URL needs JWT_ISSUER and JWT_AUDIENCE: which tokens to accept must be said',
    ]);
    expect(faults({ JWT_JWKS_URL, JWT_ISSUER: 'them', JWT_AUDIENCE: 'us' })).toEqual([]);
  });

  it('never repeats a secret in what it says', () => {
    const secret = 's3cr3t';
    const text = faults({ JWT_SECRET: secret, ADMIN_PASSWORD: secret, DATABASE_URL: `mysql://fog:${secret}@db/fog` }).join('\n');
    expect(text).not.toBe('');
    expect(text).not.toContain(secret);
  });

  it('takes a port exactly when it is a whole number that a port can be', () => {
    fc.assert(
      fc.property(fc.oneof(fc.integer({ min: -10, max: 70_000 }), fc.double({ noNaN: true })), (port) => {
        const fits = Number.isInteger(port) && port >= 0 && port <= 65_535;
        expect(faults({ PORT: String(port) }).length === 0).toBe(fits);
      }),
    );
  });
});
