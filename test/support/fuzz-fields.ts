import fc from 'fast-check';

/** Part of the values in `env`, which no answer may ever contain. */
export const ENV_MARK = 'sesame-of-the-fuzzer';

export const text = (pattern: RegExp): fc.Arbitrary<string> => fc.stringMatching(pattern);
export const label = text(/^[a-z0-9]{1,10}$/);

/** A value from an earlier answer: one of the newest `among` of its kind. */
export const earlier = (pool: string, among: number): fc.Arbitrary<string> => fc.nat(among - 1).map((n) => `{{${pool}:${String(n)}}}`);

/** Targets that webhooks may never have, even though this test allows loopback. */
export const FORBIDDEN_TARGETS: readonly string[] = [
  'http://169.254.169.254/latest/meta-data/',
  'http://127.0.0.2:8080/',
  'http://127.0.0.1:22/',
  'http://127.0.0.1:5432/',
  'http://10.0.0.1:8080/',
  'http://192.168.0.1:8080/',
  'https://100.64.0.1/',
  'http://0x0a000001:8080/',
  'http://[::1]:8080/',
  'http://[::ffff:10.0.0.1]:8080/',
  'https://[fd00::1]/',
  'http://user:word@127.0.0.1:8080/',
  'http://0.0.0.0:8080/',
  'file:///etc/passwd',
  'unix:/var/run/docker.sock',
  'gopher://127.0.0.1:8080/_x',
  '//127.0.0.1:8080/',
];

const KEEP_WARM = fc.constantFrom('1s', '600s', '10m', '24h', '25h', '0s', '10', '-1m', '1d');
const EVENT_TYPE = fc.constantFrom('fog.deployment.deleted', 'fog.deployment.created', 'fog.deployment.restored', 'fog.notification.test');

/** Valid values for fields of this name, which the document alone does not tell. */
export const FIELDS: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  container_image: fc.constantFrom(
    'nginx:1.27',
    'registry.example.org:5000/team/app@sha256:' + 'a'.repeat(64),
    'simulated/crash:1',
    'simulated/unhealthy:1',
    'simulated/missing:1',
  ),
  server: fc.constant('127.0.0.1:1'),
  username: text(/^[A-Za-z0-9_-]{3,20}$/),
  email: text(/^[a-z0-9]{3,12}$/).map((name) => `${name}@example.org`),
  password: fc.constantFrom('Correct-Horse-7', 'Wrong-Horse-7', `Ünï-${'x'.repeat(90)}A1`),
  // A change would end the sessions that the requests are made with, and wrong ones would lock the name.
  current_password: fc.constant('Correct-Horse-7'),
  new_password: fc.constant('too-weak'),
  refresh_token: fc.nat(1).map((n) => `{{refresh:${String(n)}}}`),
  cpu: fc.oneof({ weight: 8, arbitrary: fc.constantFrom(0.5, 0.501, 1) }, { weight: 1, arbitrary: fc.constantFrom(31.999, 32) }),
  memory: fc.oneof({ weight: 8, arbitrary: fc.constantFrom(512, 513) }, { weight: 1, arbitrary: fc.constant(65_536) }),
  storage: fc.constantFrom(1, 2, 10),
  replicas: fc.oneof({ weight: 8, arbitrary: fc.integer({ min: 1, max: 4 }) }, { weight: 1, arbitrary: fc.constantFrom(99, 100) }),
  region: fc.constantFrom('us-east', 'eu-west', 'nowhere-1'),
  env: fc.dictionary(
    text(/^[A-Z_][A-Z0-9_]{0,8}$/),
    fc.string({ unit: 'grapheme', maxLength: 20 }).map((rest) => `${ENV_MARK}${rest.replaceAll(/\p{Cc}|\p{Cs}/gu, '')}\n`),
    { maxKeys: 4 },
  ),
  labels: fc.dictionary(
    label,
    fc.string({ unit: 'grapheme', maxLength: 20 }).map((value) => value.replaceAll(/\p{Cc}|\p{Cs}/gu, '') || '🦊'),
    { maxKeys: 4 },
  ),
  command: fc.array(fc.oneof(fc.constantFrom('sh', '-c', 'echo \'"$(id)"\'\n'), text(/^[ -~]{1,20}$/)), { minLength: 1, maxLength: 4 }),
  expires_in_days: fc.integer({ min: 1, max: 365 }),
  ids: fc.array(earlier('deployment', 12), { minLength: 1, maxLength: 4 }),
  operation_id: earlier('operation', 3),
  project: fc.oneof(earlier('project', 3), fc.constant('root')),
  node_id: earlier('node', 3),
  user_id: earlier('user', 10),
  keep_warm: KEEP_WARM,
  wait: fc.constantFrom(0, 1, 2),
  reason: text(/^[ -~]{1,40}$/).map((words) => words.trim() || 'because'),
  protection_reason: fc.constant('serves production'),
  description: text(/^[ -~]{0,20}$/),
  event_types: fc.uniqueArray(EVENT_TYPE, { maxLength: 2 }),
  url: fc.oneof({ weight: 8, arbitrary: earlier('hook', 1) }, { weight: 2, arbitrary: fc.constantFrom(...FORBIDDEN_TARGETS) }),
};

/** The two forms of a node exclude each other, which no schema tells. */
const NODE = fc.record({
  name: text(/^[a-z0-9._-]{1,20}$/),
  region: FIELDS.region!,
  runtime: fc.constant('simulated'),
  cpu_cores: fc.constantFrom(1, 2.5, 64),
  memory_mb: fc.constantFrom(1_024, 65_536),
  storage_gb: fc.constant(100),
});

export const WHOLES: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  RegisterNodeDto: NODE,
  HealthCheckDto: fc.record({
    command: fc.constant(['/bin/true', '--"quoted"']),
    interval_seconds: fc.integer({ min: 1, max: 3_600 }),
    retries: fc.integer({ min: 1, max: 100 }),
  }),
  BulkFilterDto: fc.oneof(
    fc.record({ name: text(/^[a-z0-9]{2}$/) }),
    fc.record({ labels: fc.dictionary(label, label, { minKeys: 1, maxKeys: 2 }) }),
    fc.record({ status: fc.constantFrom('failed', 'stopped', 'running'), name: text(/^[A-Za-z0-9]{1,2}$/) }),
  ),
  BulkDeleteRequestDto: fc.record({
    ids: fc.array(earlier('deployment', 12), { minLength: 1, maxLength: 4 }),
    all_or_nothing: fc.boolean(),
    wait: fc.constantFrom(0, 1),
  }),
  BulkRestoreRequestDto: fc.oneof(
    fc.record({ ids: fc.array(earlier('deleted', 8), { minLength: 1, maxLength: 4 }), wait: fc.constantFrom(0, 1) }),
    fc.record({ operation_id: earlier('operation', 3), wait: fc.constantFrom(0, 1) }),
  ),
  CreateRetentionPolicyDto: fc.oneof(
    fc.record({ selector: fc.constant('label'), value: label.map((value) => `team=${value}`), days: fc.integer({ min: 1, max: 90 }) }),
    fc.record({ selector: fc.constant('user'), value: earlier('user', 10), days: fc.integer({ min: 1, max: 90 }) }),
  ),
  ForceReleaseRequestDto: fc.record({ reason: fc.constant('it burnt down') }),
  ScaleRequestDto: fc.record({ replicas: fc.integer({ min: 1, max: 2 }) }),
  ChangeNodeDto: fc.record({ labels: fc.dictionary(label, label, { maxKeys: 2 }), region: FIELDS.region! }, { requiredKeys: [] }),
  LoginDto: fc.record({ username: fc.constant('regular'), password: fc.constant('Correct-Horse-7') }),
};

/** Valid values for query parameters of this name. */
export const PARAMETERS: Readonly<Record<string, fc.Arbitrary<string>>> = {
  cursor: earlier('cursor', 30),
  user_id: earlier('user', 10),
  actor: earlier('user', 10),
  resource_id: earlier('deployment', 10),
  deployment_id: earlier('deployment', 10),
  wait: fc.constantFrom('0', '1', '2'),
  timeout: fc.constantFrom('0', '1'),
  keep_warm: KEEP_WARM,
  reason: fc.constant('a%20reason'),
  types: EVENT_TYPE,
  generation: fc.constantFrom('1', '2'),
};
