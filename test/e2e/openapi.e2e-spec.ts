import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { completeDocument, MARK } from '../../src/openapi/complete-document';
import { markRoutes } from '../../src/openapi/mark-routes';
import { partOf, walk } from '../../src/openapi/schema-walk';
import type { RouteFacts } from '../../src/openapi/route-facts';
import { readOpenApi, type Operation as ReadOperation } from '../support/openapi-client';
import { startTestApp, type TestApp } from '../support/test-app';

const ROOT = join(__dirname, '../..');
const PUBLIC = [
  ...['POST /api/auth/login', 'POST /api/auth/password-reset/confirm', 'POST /api/auth/password-reset/request'],
  ...['POST /api/auth/refresh', 'POST /api/auth/register', 'GET /health/live', 'GET /health/ready'],
  'POST /api/agents/join',
];

interface Operation {
  tags?: string[];
  summary?: string;
  operationId?: string;
  security?: unknown[];
  parameters?: { name: string; in: string }[];
  requestBody?: { content: Record<string, { examples?: object }> };
  responses: Record<string, { content?: Record<string, { examples?: object }>; headers?: Record<string, unknown> }>;
}
interface Document {
  openapi: string;
  components: {
    schemas: Record<string, unknown>;
    parameters: Record<string, { name: string; in: string }>;
    responses: Record<string, Operation['responses'][string]>;
  };
  paths: Record<string, Record<string, Operation>>;
  tags: { name: string }[];
  security: unknown[];
}

const operationsOf = ({ paths }: { paths: object }): [string, Operation][] =>
  Object.entries(paths as Document['paths']).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]): [string, Operation] => [`${method.toUpperCase()} ${path}`, operation]),
  );

const codesOf = ({ responses }: Operation): string[] =>
  Object.values(responses).flatMap(({ content }) => Object.keys(content?.['application/problem+json']?.examples ?? {}));

describe('the OpenAPI document', () => {
  let t: TestApp;
  let document: Document;
  let operations: [string, Operation][];
  let read: ReadOperation[];
  beforeAll(async () => {
    t = await startTestApp();
    document = (await t.http.get('/openapi.json').expect(200)).body as Document;
    ({ operations: read } = await readOpenApi(t.url));
    operations = operationsOf(document);
  });
  afterAll(() => t?.close());

  it('passes the linter', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'fog-openapi-'));
    try {
      const file = join(folder, 'openapi.json');
      writeFileSync(file, JSON.stringify(document));
      const cli = join(dirname(createRequire(__filename).resolve('@redocly/cli/package.json')), 'bin', 'cli.js');
      const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' };
      await promisify(execFile)(process.execPath, [cli, 'lint', file, '--config', join(ROOT, 'redocly.yaml'), '--format', 'summary'], {
        env,
        cwd: ROOT,
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('says that it is OpenAPI 3.1, and which streams go on from a `Last-Event-ID`', () => {
    expect(document.openapi).toBe('3.1.0');
    const resumable = read.filter(({ parameters }) => parameters.some((each) => each.in === 'header' && each.name === 'Last-Event-ID'));
    expect(resumable.map(({ name }) => name).sort()).toEqual([
      'GET /api/deployment/{deployment_id}/events',
      'GET /api/deployment/{deployment_id}/logs',
      'GET /api/events',
    ]);
  });

  it('says which routes are public, and the guard agrees', async () => {
    expect(document.security).toEqual([{ bearer: [] }]);
    const open = operations.filter(([, { security }]) => security?.length === 0).map(([name]) => name);
    expect(open.sort()).toEqual([...PUBLIC].sort());
    for (const [name] of operations.filter(([name]) => !PUBLIC.includes(name))) {
      const [method = '', path = ''] = name.split(' ');
      const url = path.replaceAll(/\{[^}]+\}/g, '00000000-0000-4000-8000-000000000000');
      const send = t.http[method.toLowerCase() as 'get' | 'post' | 'patch' | 'delete'].bind(t.http);
      expect([name, (await send(url)).status]).toEqual([name, 401]);
    }
  });

  // Generated clients name their functions after these. A change here breaks their users, so it must be intended.
  it('names every operation once, by its area and its verb', () => {
    const ids = operations.map(([, { operationId }]) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.sort()).toEqual([
      'agents_join',
      'api_tokens_create',
      'api_tokens_list',
      'api_tokens_revoke',
      'audit_log_read',
      'auth_change_me',
      'auth_log_in',
      'auth_log_out',
      'auth_me',
      'auth_refresh',
      'auth_register',
      'clock_confirm',
      'clock_read',
      'deliveries_redeliver',
      'deployments_bulk_delete',
      'deployments_bulk_deploy',
      'deployments_bulk_preview_delete',
      'deployments_bulk_preview_deploy',
      'deployments_bulk_restore',
      'deployments_change',
      'deployments_delete',
      'deployments_deletion',
      'deployments_deploy',
      'deployments_detail',
      'deployments_events_read',
      'deployments_force_release',
      'deployments_history',
      'deployments_hold',
      'deployments_list',
      'deployments_logs_read',
      'deployments_move',
      'deployments_named_apply',
      'deployments_named_detail',
      'deployments_named_preview_apply',
      'deployments_preview_change',
      'deployments_preview_deletion',
      'deployments_preview_deploy',
      'deployments_preview_move',
      'deployments_preview_purge',
      'deployments_preview_restore',
      'deployments_protect',
      'deployments_purge',
      'deployments_restart',
      'deployments_restore',
      'deployments_retry',
      'deployments_revisions',
      'deployments_rollback',
      'deployments_rollout_abort',
      'deployments_rollout_pause',
      'deployments_rollout_read',
      'deployments_rollout_resume',
      'deployments_scale',
      'deployments_start',
      'deployments_stats_read',
      'deployments_status',
      'deployments_stop',
      'deployments_unhold',
      'deployments_unprotect',
      'deployments_wait',
      'emails_change',
      'emails_confirm',
      'emails_create',
      'emails_deliveries',
      'emails_find',
      'emails_list',
      'emails_remove',
      'emails_test',
      'events_read',
      'health_live',
      'health_ready',
      'metrics_read',
      'nodes_change',
      'nodes_get',
      'nodes_list',
      'nodes_register',
      'nodes_rejoin',
      'nodes_remove',
      'operations_cancel',
      'operations_confirm',
      'operations_get',
      'operations_list',
      'orphans_adopt',
      'orphans_get',
      'orphans_list',
      'orphans_preview_adopt',
      'orphans_preview_reap',
      'orphans_reap',
      'passwords_change',
      'passwords_confirm',
      'passwords_request',
      'project_groups_list',
      'project_groups_put',
      'project_groups_remove',
      'project_members_list',
      'project_members_put',
      'project_members_remove',
      'project_quotas_set',
      'projects_change',
      'projects_create',
      'projects_get',
      'projects_list',
      'projects_preview_deletion',
      'projects_remove',
      'registries_get',
      'registries_list',
      'registries_preview',
      'registries_put',
      'registries_remove',
      'retention_policies_change',
      'retention_policies_create',
      'retention_policies_list',
      'retention_policies_preview_change',
      'retention_policies_preview_create',
      'retention_policies_preview_removal',
      'retention_policies_remove',
      'secrets_get',
      'secrets_list',
      'secrets_preview',
      'secrets_put',
      'secrets_remove',
      'shared_registries_get',
      'shared_registries_list',
      'shared_registries_preview',
      'shared_registries_put',
      'shared_registries_remove',
      'users_add',
      'users_change',
      'users_get',
      'users_list',
      'users_make_link',
      'users_unlock',
      'users_update',
      'volumes_get',
      'volumes_list',
      'volumes_remove',
      'webhooks_change',
      'webhooks_create',
      'webhooks_deliveries',
      'webhooks_find',
      'webhooks_list',
      'webhooks_remove',
      'webhooks_rotate',
      'webhooks_test',
    ]);
  });

  it('gives every operation a tag that is listed and a summary', () => {
    const tags = document.tags.map(({ name }) => name);
    const incomplete = operations.filter(([, o]) => !o.summary || !o.tags?.every((tag) => tags.includes(tag)));
    expect(incomplete.map(([name]) => name)).toEqual([]);
    expect(tags).toEqual(['auth', 'deployments', 'projects', 'nodes', 'events', 'notifications', 'operations', 'admin', 'health']);
  });

  it('documents problems as problems, and the idempotency key where it is honoured', () => {
    for (const { name, path, responses, parameters } of read) {
      if (path.startsWith('/health') || path === '/metrics') continue;
      for (const [status, response] of Object.entries(responses)) {
        if (Number(status) >= 400)
          expect([name, status, Object.keys(response.content ?? {})]).toEqual([name, status, ['application/problem+json']]);
      }
      expect([name, Object.keys(responses)]).toEqual([name, expect.arrayContaining(['429', '500', '503'])]);
      const takesKey = !name.startsWith('GET') && !path.endsWith('/preview');
      expect([name, parameters.some((parameter) => parameter.name === 'Idempotency-Key')]).toEqual([name, takesKey]);
    }
  });

  it('adds no code that an ApiProblem names, and no ApiProblem repeats another', () => {
    markRoutes(t.app);
    const bare = SwaggerModule.createDocument(t.app, new DocumentBuilder().build());
    const named = operationsOf(bare).map(([name, operation]) => {
      const facts = Reflect.get(operation, MARK) as RouteFacts;
      Reflect.set(operation, MARK, { ...facts, ownCodes: [] });
      return { name, operation, codes: facts.ownCodes };
    });
    completeDocument(bare);
    const repeated = named.flatMap(({ name, operation, codes }) => {
      const added = codesOf(operation);
      return codes.filter((code, index) => added.includes(code) || codes.indexOf(code) !== index).map((code) => `${name} ${code}`);
    });
    expect(named.flatMap(({ codes }) => codes)).toContain('not_found');
    expect(repeated).toEqual([]);
  });

  it('has one schema of success for every operation', () => {
    const several = read.filter(({ responses }) => {
      const bodies = Object.entries(responses).flatMap(([status, { content }]) => (Number(status) < 400 && content ? [content] : []));
      const schemas = bodies.map((content) => JSON.stringify((content['application/json'] ?? Object.values(content)[0])?.schema));
      return new Set(schemas).size > 1 || schemas.some((schema) => /"(oneOf|anyOf)"/.test(schema));
    });
    expect(several.map(({ name }) => name)).toEqual([]);
  });

  it('names every enumeration, has what may be null in the type, and repeats no answer of an error', () => {
    const unnamed: unknown[] = [];
    walk(document.paths, (part) => (Array.isArray(part.enum) ? unnamed.push(part) : undefined));
    for (const schema of Object.values(document.components.schemas)) {
      walk(partOf({ schema }, 'schema').properties, ({ enum: values }) =>
        Array.isArray(values) && values.length > 1 ? unnamed.push(values) : undefined,
      );
    }
    expect(unnamed).toEqual([]);
    const text = JSON.stringify(document);
    expect(text).not.toMatch(/"nullable"/);
    expect(text.length).toBeLessThan(420_000);
    const inline = operations.flatMap(([name, { responses, tags }]) =>
      Object.entries(responses)
        .filter(([status, response]) => Number(status) >= 400 && !('$ref' in response) && !tags?.includes('health'))
        .map(([status]) => `${name} ${status}`),
    );
    expect(inline).toEqual([]);
  });

  it('lets what has a default be left out, closes requests and opens problems', () => {
    const { schemas } = document.components;
    const withDefault = Object.entries(schemas).flatMap(([name, schema]) => {
      const { required, properties } = schema as { required?: string[]; properties?: Record<string, { default?: unknown }> };
      return (required ?? []).filter((member) => properties?.[member]?.default !== undefined).map((member) => `${name}.${member}`);
    });
    expect(withDefault).toEqual([]);
    expect(schemas.DeployRequestDto).toMatchObject({ additionalProperties: false });
    expect(schemas.ProblemDto).toMatchObject({ additionalProperties: true });
    expect(schemas.DeploymentStatusDto).not.toHaveProperty('additionalProperties');
  });

  it('leaves no mark of ours in the document', () => {
    expect(JSON.stringify(document)).not.toMatch(/"x-(?!enum-varnames")/);
  });

  it('offers an example for every body', () => {
    const without = operations.filter(([, { requestBody }]) => requestBody && !requestBody.content['application/json']?.examples);
    expect(without.map(([name]) => name)).toEqual([]);
  });

  it('leads from / to the page, also behind a prefix', async () => {
    await t.http.get('/').expect(302).expect('Location', 'docs');
  });

  it('is served with a Swagger UI that loads nothing from elsewhere', async () => {
    const { text, headers } = await t.http.get('/docs').expect(200).expect('Content-Type', /html/);
    expect(text).not.toMatch(/(src|href)="(https?:)?\/\//);
    expect(headers['content-security-policy']).not.toMatch(/upgrade-insecure-requests/);
    for (const file of ['swagger-ui-bundle.js', 'swagger-ui.css', 'swagger-ui-init.js']) await t.http.get(`/docs/${file}`).expect(200);
  });
});
