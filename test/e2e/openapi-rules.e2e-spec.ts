import { LABEL_NAME } from '../../src/deployments/dto/deploy-request.dto';
import { aSpec, anUnnamedSpec, deployed, freshName } from '../support/deployments';
import { readOpenApi, type Schema } from '../support/openapi-client';
import { startTestApp, type TestApp } from '../support/test-app';

type Json = Readonly<Record<string, unknown>>;

/** None of them is the default one, and a single simulated node can hold the largest replica. */
const LIMITS = {
  ...{ MAX_REPLICAS: '3', MIN_CPU_CORES: '0.25', MAX_CPU_CORES: '2', MIN_MEMORY_MB: '128', MAX_MEMORY_MB: '2048' },
  ...{ MAX_GPU_UNITS: '1', MAX_PORTS: '4', MIN_STORAGE_GB: '2', MAX_STORAGE_GB: '20' },
};
const RESOURCES = { cpu: 0.5, memory: 512, storage: 2 };
const LIMITED = ['replicas', 'ports', 'cpu', 'memory', 'gpu', 'storage'];

let t: TestApp;
let schemas: Readonly<Record<string, Schema>>;
beforeAll(async () => {
  t = await startTestApp({ env: LIMITS });
  ({ schemas } = (await readOpenApi(t.url)).document.components);
});
afterAll(() => t?.close());

const schemaOf = (name: string, member: string): Schema => {
  const inResources = schemas[name]?.properties?.resources?.$ref?.split('/').at(-1) ?? '';
  return schemas[name]?.properties?.[member] ?? schemas[inResources]?.properties?.[member] ?? {};
};

/** A body with `value` for the member, or with that many ports. */
const bodyWith = (member: string, value: number): Json => {
  if (member === 'replicas') return { replicas: value };
  if (member !== 'ports') return { resources: { ...RESOURCES, [member]: value } };
  return { ports: Array.from({ length: value }, (_, index) => ({ container_port: 8_000 + index })) };
};

/** Sends a body to the route whose requests the schema describes. Those that could write only ask. */
const SENDERS: Readonly<Record<string, (body: Json) => Promise<{ status: number }>>> = {
  DeployRequestDto: async (body) =>
    t
      .as('ada')
      .post('/api/deployment/deploy/preview')
      .send(aSpec({ resources: RESOURCES, ...body })),
  NamedDeploymentDto: async (body) =>
    t
      .as('ada')
      .post(`/api/deployment/named/${freshName()}/preview`)
      .send(anUnnamedSpec({ resources: RESOURCES, ...body })),
  DeploymentChangeDto: async (body) =>
    t
      .as('ada')
      .post(`/api/deployment/${await own()}/preview`)
      .send(body),
  ScaleRequestDto: async (body) =>
    t
      .as('ada')
      .post(`/api/deployment/scale/${await own()}`)
      .send(body),
};
let made: Promise<string> | undefined;
const own = (): Promise<string> => (made ??= deployed(t, 'ada', { resources: RESOURCES }));

describe('a limit that is configured', () => {
  const cases = Object.keys(SENDERS).flatMap((name) =>
    LIMITED.filter((member) => member === 'replicas' || name !== 'ScaleRequestDto').map((member) => [name, member] as const),
  );

  it.each(cases)('is stated in %s for %s: the server takes it and nothing beyond', async (name, member) => {
    const schema = schemaOf(name, member);
    const most = Number(schema.maximum ?? schema.maxItems);
    const least = Number(schema.minimum ?? schema.minItems);
    const answers = [];
    for (const value of [most, most + 1, least]) answers.push((await SENDERS[name]?.(bodyWith(member, value)))?.status);
    expect(answers).toEqual([200, 422, 200]);
    if (least > 0) expect((await SENDERS[name]?.(bodyWith(member, least / 2)))?.status).toBe(422);
  });

  it('is stated in every request that has such a member, quotas aside', () => {
    const limited = Object.entries(schemas).flatMap(([name, { properties = {}, additionalProperties }]) =>
      additionalProperties === false && name !== 'OwnQuotaDto' && LIMITED.some((member) => member in properties) ? [name] : [],
    );
    expect(limited.sort()).toEqual([...Object.keys(SENDERS), 'ResourcesChangeDto'].sort());
  });

  it('is not claimed of answers, which may show what was deployed under others', () => {
    expect(schemas.DeploymentSpecDto?.properties?.replicas).not.toHaveProperty('maximum');
    expect(schemas.DeploymentSpecDto?.properties?.ports).not.toHaveProperty('maxItems');
  });
});

describe('the document', () => {
  it.each([
    ['DeployRequestDto', 'string'],
    ['NamedDeploymentDto', 'string'],
    ['DeploymentChangeDto', ['string', 'null']],
  ])('states the rules of names, labels, images and lists in %s', (name, type) => {
    const envNames = { pattern: '^[A-Za-z_][A-Za-z0-9_.-]{0,254}$' };
    expect(schemas[name]).toMatchObject({
      properties: {
        container_image: { maxLength: 500, pattern: expect.stringContaining('sha256') as string },
        env: { maxProperties: 200, propertyNames: envNames, additionalProperties: { type, maxLength: 32_768 } },
        secret_env: { maxProperties: 100, propertyNames: envNames, additionalProperties: { type, maxLength: 63 } },
        labels: {
          ...{ maxProperties: 64, propertyNames: { pattern: LABEL_NAME.source } },
          additionalProperties: { type, maxLength: 256 },
        },
        command: { minItems: 1, maxItems: 256, items: { maxLength: 4_096 } },
      },
    });
  });

  it('tells no default of what a change leaves out, since that stays as it is', () => {
    const changes = Object.entries(schemas).filter(
      ([name, { additionalProperties }]) => name.includes('Change') && additionalProperties === false,
    );
    expect(changes.map(([name]) => name)).toEqual(
      expect.arrayContaining(['DeploymentChangeDto', 'ResourcesChangeDto', 'RolloutPolicyChangeDto']),
    );
    const telling = changes.flatMap(([name, { properties = {} }]) =>
      Object.entries(properties).flatMap(([member, schema]) =>
        schema.default !== undefined || /Default: `/.test(String(schema.description)) ? [`${name}.${member}`] : [],
      ),
    );
    expect(telling).toEqual(['ChangeRetentionPolicyDto.apply_to_deleted']);
    // And whoever makes a deployment is told.
    expect(schemas.DeployRequestDto?.properties?.replicas?.description).toBe('Default: `1`');
  });
});
