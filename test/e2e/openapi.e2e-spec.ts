import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { completeDocument, MARK } from '../../src/openapi/complete-document';
import { markRoutes } from '../../src/openapi/mark-routes';
import type { RouteFacts } from '../../src/openapi/route-facts';
import { startTestApp, type TestApp } from '../support/test-app';

const ROOT = join(__dirname, '../..');
const PUBLIC = ['POST /api/auth/login', 'POST /api/auth/refresh', 'POST /api/auth/register', 'GET /health/live', 'GET /health/ready'];

interface Operation {
  tags?: string[];
  summary?: string;
  operationId?: string;
  security?: unknown[];
  parameters?: { name: string; in: string }[];
  responses: Record<string, { content?: Record<string, { examples?: object }>; headers?: Record<string, unknown> }>;
}
interface Document {
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
  beforeAll(async () => {
    t = await startTestApp();
    document = (await t.http.get('/openapi.json').expect(200)).body as Document;
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
      'deliveries_redeliver',
      'deployments_bulk_delete',
      'deployments_bulk_restore',
      'deployments_delete',
      'deployments_deletion',
      'deployments_deploy',
      'deployments_detail',
      'deployments_force_release',
      'deployments_history',
      'deployments_hold',
      'deployments_list',
      'deployments_logs_read',
      'deployments_protect',
      'deployments_purge',
      'deployments_restore',
      'deployments_retry',
      'deployments_scale',
      'deployments_start',
      'deployments_status',
      'deployments_stop',
      'deployments_unhold',
      'deployments_unprotect',
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
      'nodes_remove',
      'operations_cancel',
      'operations_confirm',
      'operations_get',
      'operations_list',
      'retention_policies_change',
      'retention_policies_create',
      'retention_policies_list',
      'retention_policies_remove',
      'users_update',
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
    expect(tags).toEqual(['auth', 'deployments', 'nodes', 'events', 'notifications', 'operations', 'admin', 'health']);
  });

  it('documents problems as problems, and the idempotency key where it is honoured', () => {
    for (const [name, { responses, parameters = [], tags }] of operations) {
      if (tags?.includes('health')) continue;
      for (const [status, response] of Object.entries(responses)) {
        if (Number(status) >= 400)
          expect([name, status, Object.keys(response.content ?? {})]).toEqual([name, status, ['application/problem+json']]);
      }
      expect([name, Object.keys(responses)]).toEqual([name, expect.arrayContaining(['429', '500', '503'])]);
      const takesKey = /^(POST|DELETE)/.test(name);
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

  it('leaves no mark of ours in the document', () => {
    expect(JSON.stringify(document)).not.toMatch(/"x-/);
  });

  it('is served with a Swagger UI that loads nothing from elsewhere', async () => {
    const { text, headers } = await t.http.get('/docs').expect(200).expect('Content-Type', /html/);
    expect(text).not.toMatch(/(src|href)="(https?:)?\/\//);
    expect(headers['content-security-policy']).not.toMatch(/upgrade-insecure-requests/);
    for (const file of ['swagger-ui-bundle.js', 'swagger-ui.css', 'swagger-ui-init.js']) await t.http.get(`/docs/${file}`).expect(200);
  });
});
