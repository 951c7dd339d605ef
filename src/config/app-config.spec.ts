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
      PORT: 8000,
      HOST: '127.0.0.1',
      DATA_DIR: '.data',
      ROLE: 'all',
      RUNTIME: 'auto',
      LOG_LEVEL: 'info',
      RATE_LIMIT_PER_MINUTE: 1200,
      AUTH_RATE_LIMIT_PER_MINUTE: 30,
      REGISTRATION_ENABLED: false,
      METRICS_PUBLIC: false,
      MAX_REPLICAS: 100,
      MIN_CPU_CORES: 0.5,
      MAX_CPU_CORES: 32,
      MIN_MEMORY_MB: 512,
      MAX_MEMORY_MB: 65_536,
      MAX_GPU_UNITS: 8,
      MIN_STORAGE_GB: 1,
      MAX_STORAGE_GB: 1000,
      STOP_GRACE_SECONDS: 10,
      LOGIN_MAX_FAILURES: 5,
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

  it.each(['https://ghcr.io', 'ghcr.io;quay.io', 'user@ghcr.io', '*:5000', 'ghcr.io/*', 'docker.io,,ghcr.io', 'docker.io,'])(
    'refuses %s as a list of registries',
    (ALLOWED_REGISTRIES) => {
      expect(faults({ ALLOWED_REGISTRIES })).toEqual([expect.stringMatching(/^ALLOWED_REGISTRIES must be none, or /)]);
    },
  );

  it.each(['none', '*', 'docker.io', 'ghcr.io/acme, *.pkg.dev', 'registry.corp:5000,10.0.0.7:5000,[fd00::5]:5000,localhost:5000'])(
    'takes %s as a list of registries',
    (ALLOWED_REGISTRIES) => {
      expect(loadConfig({ ALLOWED_REGISTRIES })).toMatchObject({ ALLOWED_REGISTRIES });
    },
  );

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
    ['MIN_CPU_CORES', '1e-7'],
    ['ADMIN_PASSWORD', 'short'],
    ['NODE_OFFLINE_AFTER_SECONDS', '1'],
    ['ROUTING_TOKEN', 'x'.repeat(31)],
    ['ROUTING_TOKEN', `${'x'.repeat(31)} x`],
    ['TRAEFIK_API_URL', 'traefik:8081'],
    ['RUNTIME', 'Docker'],
    ['RUNTIME', 'podman'],
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

  it('says one sentence for each fault', () => {
    expect(faults({ PORT: 'many', MIN_MEMORY_MB: 'x', ADMIN_USERNAME: '!' })).toHaveLength(3);
  });

  it.each<[NodeJS.ProcessEnv, string | RegExp]>([
    [{ MIN_CPU_CORES: '4', MAX_CPU_CORES: '2' }, 'MIN_CPU_CORES (4) is more than MAX_CPU_CORES (2)'],
    [{ MIN_MEMORY_MB: '70000' }, 'MIN_MEMORY_MB (70000) is more than MAX_MEMORY_MB (65536)'],
    [{ MAX_STORAGE_GB: '5', MIN_STORAGE_GB: '6' }, 'MIN_STORAGE_GB (6) is more than MAX_STORAGE_GB (5)'],
    [{ LOGIN_LOCK_SECONDS: '7200' }, 'LOGIN_LOCK_SECONDS (7200) is more than LOGIN_LOCK_MAX_SECONDS (3600)'],
    [{ ACCESS_TOKEN_SECONDS: '7200', REFRESH_TOKEN_SECONDS: '3600' }, /^ACCESS_TOKEN_SECONDS .* REFRESH_TOKEN_SECONDS/],
    [{ NODE_SYNC_SECONDS: '30' }, /^NODE_OFFLINE_AFTER_SECONDS \(30\) must be more than NODE_SYNC_SECONDS \(30\)/],
    [{ LOAD_BALANCER: 'traefik' }, /^LOAD_BALANCER=traefik needs ROUTING_TOKEN: .*openssl rand/],
    [{ TRUSTED_PROXIES: '10.0.0.0/33' }, /^TRUSTED_PROXIES must list/],
    [{ WEBHOOK_ALLOWED_NETWORKS: 'proxy' }, /^WEBHOOK_ALLOWED_NETWORKS must list/],
    [{ DOCKER_CERT_PATH: '/nowhere/certs' }, 'DOCKER_CERT_PATH is not a folder that can be read: /nowhere/certs'],
    [{ DOCKER_CERT_PATH: __filename }, /^DOCKER_CERT_PATH is not a folder/],
    ...['ssh://ada@host', 'unix:/run/docker.sock', 'host:2375', 'tcp://', 'http://host', 'tcp://host:99999'].map(
      (DOCKER_HOST) => [{ DOCKER_HOST }, /^DOCKER_HOST must look like/] as [NodeJS.ProcessEnv, RegExp],
    ),
    [{ PORT: '8080' }, 'PORT and ROUTER_PORT are both 8080: the API and the router need a port each'],
    [{ PORT: '9000', ROUTER_PORT: '9000', HOST: '0.0.0.0', ROUTER_HOST: '10.0.0.7' }, /^PORT and ROUTER_PORT are both 9000/],
    [{ PORT: '9000', ROUTER_PORT: '9000', HOST: 'localhost', ROUTER_HOST: '::1' }, /^PORT and ROUTER_PORT are both 9000/],
    [{ HOST: '*' }, /^HOST: \* is neither an address nor a name of this machine/],
    [{ ROUTER_HOST: '[::]' }, /^ROUTER_HOST: \[::\] is neither/],
    [{ IMAGE_PULL_STALL_SECONDS: '700' }, 'IMAGE_PULL_STALL_SECONDS (700) is more than IMAGE_PULL_TIMEOUT_SECONDS (600)'],
    [{ IMAGE_PULLS_PER_USER: '5' }, 'IMAGE_PULLS_PER_USER (5) is more than IMAGE_PULLS_PER_NODE (4)'],
    [{ SMTP_FROM: 'fog@localhost' }, 'SMTP_FROM is set, and nothing uses it without SMTP_URL, the server that e-mails are sent through'],
    [{ JWT_GROUPS_CLAIM: 'groups' }, /^JWT_GROUPS_CLAIM is set, and nothing uses it without JWT_JWKS_URL/],
    [{ HAPROXY_FOLDER: '/etc/fog' }, 'HAPROXY_FOLDER is set, and nothing uses it without LOAD_BALANCER=haproxy'],
    [{ ROUTING_TOKEN: 'x'.repeat(32) }, 'ROUTING_TOKEN is set, and nothing uses it without LOAD_BALANCER=traefik'],
    [{ TRAEFIK_API_URL: 'http://127.0.0.1:8081' }, 'TRAEFIK_API_URL is set, and nothing uses it without LOAD_BALANCER=traefik'],
    ...['https://x:99999', 'console.example.org', 'https://a/b', 'ftp://a'].map(
      (CORS_ORIGINS) => [{ CORS_ORIGINS }, /^CORS_ORIGINS must list origins/] as [NodeJS.ProcessEnv, RegExp],
    ),
    [{ ROUTES_DOMAIN: 'Apps.Example' }, /^ROUTES_DOMAIN: Apps\.Example must be a domain in lower case/],
    [{ JWT_JWKS_URL: 'keys', JWT_ISSUER: 'a', JWT_AUDIENCE: 'b' }, /^JWT_JWKS_URL must be an http or https address/],
    [{ DOCKER_HOST: 'tcp://10.0.0.5:2376' }, /^DOCKER_HOST leads to another machine.* set DOCKER_CERT_PATH/],
    ...['nobody', 'fog-compute', 'a@', 'Fog <fog@>', 'a@b.org, c@d.org'].map(
      (SMTP_FROM) => [{ SMTP_URL: 'smtp://mail', SMTP_FROM }, /^SMTP_FROM must be an e-mail address/] as [NodeJS.ProcessEnv, RegExp],
    ),
  ])('refuses %j, which can never work, in one sentence', (env, sentence) => {
    expect(faults(env)).toEqual([typeof sentence === 'string' ? sentence : expect.stringMatching(sentence)]);
  });

  it.each([
    { DOCKER_HOST: 'tcp://localhost:2375' },
    { DOCKER_HOST: 'tcp://engine_1.internal.:2376', DOCKER_CERT_PATH: __dirname },
    { DOCKER_HOST: 'ssh://ada@host', RUNTIME: 'simulated' },
    { SMTP_URL: 'smtp://mail_relay.internal.:25', SMTP_FROM: 'fog-compute <noreply@example.org>' },
    { SMTP_URL: 'smtps://u:p@mail', SMTP_FROM: 'fog@localhost' },
    { JWT_JWKS_URL: 'http://key_cloak.:8080/jwks', JWT_ISSUER: 'them', JWT_AUDIENCE: 'us' },
    { MIN_CPU_CORES: '2', MAX_CPU_CORES: '2' },
    { PORT: '8080', ROUTER_PORT: '8080', HOST: '10.0.0.7', ROUTER_HOST: '10.0.0.8' },
    { PORT: '8080', LOAD_BALANCER: 'none' },
    { HOST: 'fog_1.internal.', ROUTER_HOST: 'fe80::1%eth0' },
    { IMAGE_PULL_TIMEOUT_SECONDS: '20', IMAGE_PULLS_PER_NODE: '1' },
    { CORS_ORIGINS: 'https://console.example.org, http://localhost:3000' },
    { CORS_ORIGINS: '*' },
    ...['admin@localhost', 'x@fog_x.org'].map((ADMIN_EMAIL) => ({ ADMIN_EMAIL })),
    { PUBLIC_URL: 'https://fog.example.org./x' },
  ])('takes %j', (env) => {
    expect(faults(env)).toEqual([]);
  });

  it('trims white space around every value: files and shells add line breaks to secrets', () => {
    const JWT_SECRET = 'x'.repeat(32);
    expect(loadConfig({ ADMIN_PASSWORD: 'Correct-Horse-7\n', JWT_SECRET: ` ${JWT_SECRET}\r\n`, PORT: '80 ' })).toMatchObject({
      ADMIN_PASSWORD: 'Correct-Horse-7',
      JWT_SECRET,
      PORT: 80,
    });
    expect(faults({ JWT_SECRET: ` ${'x'.repeat(31)}\n` })).toEqual([expect.stringMatching(/^JWT_SECRET/)]);
  });

  it.each([`"${DATABASE_URL}"`, `'${DATABASE_URL}'`])('refuses the quotation marks that docker keeps: %s', (quoted) => {
    expect(faults({ DATABASE_URL: quoted })[0]).toMatch(/^DATABASE_URL has quotation marks around it/);
  });

  it.each([
    ['DATABSE_URL', 'DATABASE_URL'],
    ['DATABASE_URI', 'DATABASE_URL'],
    ['REGISTRATION_ENABLE', 'REGISTRATION_ENABLED'],
    ['JWT_SERCET', 'JWT_SECRET'],
    ['LOGLEVEL', 'LOG_LEVEL'],
    ['DATADIR', 'DATA_DIR'],
    ['port', 'PORT'],
    ['Role', 'ROLE'],
    ['Encryption_Key', 'ENCRYPTION_KEY'],
    ['DOCKER_CERTS_PATH', 'DOCKER_CERT_PATH'],
  ])('names %s, for which %s is meant', (wrong, meant) => {
    expect(faults({ [wrong]: 'x' })).toEqual([`${wrong} is set, but nothing reads it: ${meant} is probably meant`]);
  });

  it('shows the mark that some editors write before the first line of a file', () => {
    expect(faults({ ['\uFEFFPORT']: '80' })).toEqual(['\\uFEFFPORT is set, but nothing reads it: PORT is probably meant']);
  });

  it('says that `export` is of shells, and no part of a name', () => {
    expect(faults({ ['export PORT']: '80' })).toEqual([
      '"export PORT" is set, but nothing reads it: leave out the word export, which only shells know',
    ]);
    expect(faults({ ['export HOME_OF_OTHERS']: 'x' })).toEqual([]);
  });

  it.each(['0x50', '8e3', '80.0', '+80', '8_000', '8,000', '80 # web', '8k'])('takes no other notation for a whole number: %s', (port) => {
    expect(faults({ PORT: port })).toHaveLength(1);
  });

  it('says that it reads no files in place of values', () => {
    expect(faults({ JWT_SECRET_FILE: '/run/secrets/jwt' })).toEqual([
      'JWT_SECRET_FILE is set, but nothing reads it: give the value itself in JWT_SECRET',
    ]);
  });

  it('leaves the variables of others alone', () => {
    const ofServices = ['DOCKER', 'DATABASE', 'SMTP', 'FOG_COMPUTE', 'JWT', 'REDIS', 'NODE', 'RUNTIME', 'DATA'].flatMap((service) => [
      ...[`${service}_SERVICE_HOST`, `${service}_SERVICE_PORT`, `${service}_SERVICE_PORT_HTTP`, `${service}_PORT`],
      ...[`${service}_PORT_80_TCP`, `${service}_PORT_80_TCP_ADDR`, `${service}_PORT_80_TCP_PORT`, `${service}_PORT_80_TCP_PROTO`],
    ]);
    const ofSystems = [
      ...['HOSTNAME', 'HOSTS', 'PATH', 'LOGNAME', 'INVOCATION_ID', 'RUNTIME_DIRECTORY', 'STATE_DIRECTORY', 'CREDENTIALS_DIRECTORY'],
      ...['DOCKER_TLS_VERIFY', 'DOCKER_CONTEXT', 'DOCKER_API_VERSION', 'NODE_OPTIONS', 'NODE_ENV', 'KUBERNETES_SERVICE_HOST', 'PGHOST'],
    ];
    for (const name of [...ofServices, ...ofSystems]) expect([name, faults({ [name]: 'tcp://10.0.0.1:80' })]).toEqual([name, []]);
    const ofProxies = ['http_proxy', 'https_proxy', 'no_proxy', 'ftp_proxy', 'all_proxy'].flatMap((name) => [name, name.toUpperCase()]);
    for (const name of ofProxies) expect([name, faults({ [name]: 'http://proxy:3128' })]).toEqual([name, []]);
    expect(faults({ LOG_LEVEL: 'info', LOG_LEVELS: 'all' })).toEqual([]);
  });

  it('reads the proxy of an agent in lower case, too, as shells have it', () => {
    const agent = { ROLE: 'agent', SERVER_URL: 'https://fog.example.org' };
    const lower = { https_proxy: 'http://proxy:3128', no_proxy: '.corp' };
    expect(loadConfig({ ...agent, ...lower })).toMatchObject({ HTTPS_PROXY: 'http://proxy:3128', NO_PROXY: '.corp' });
    expect(loadConfig({ ...agent, ...lower, HTTPS_PROXY: 'http://other:3128' }).HTTPS_PROXY).toBe('http://other:3128');
  });

  it('names the variable in every fault', () => {
    for (const name of Object.keys(loadConfig({}))) {
      for (const line of faults({ [name]: '\u0001 * %' })) expect(line).toContain(name);
    }
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

  it('gives containers more capabilities only by their names, and cuts networks from a range that holds one', () => {
    expect(loadConfig({ CONTAINER_CAPABILITIES: 'SETUID, SETGID' }).CONTAINER_CAPABILITIES).toEqual(['SETUID', 'SETGID']);
    expect(faults({ CONTAINER_CAPABILITIES: 'SYS_ADMIN' })).toEqual([
      'CONTAINER_CAPABILITIES must list some of: DAC_OVERRIDE, SETGID, SETUID',
    ]);
    for (const OWNER_NETWORK_POOL of ['198.18.0.0', '300.0.0.0/15', 'fd00::/15', '10.0.0.0/7'])
      expect(faults({ OWNER_NETWORK_POOL })).toEqual(['OWNER_NETWORK_POOL must be an IPv4 range of /8 to /24, such as 198.18.0.0/15']);
    expect(faults({ OWNER_NETWORK_POOL: '10.0.0.0/22', OWNER_NETWORK_PREFIX: '21' })).toEqual([
      'OWNER_NETWORK_PREFIX is shorter than the prefix of OWNER_NETWORK_POOL: not even one network fits into it',
    ]);
  });
});
