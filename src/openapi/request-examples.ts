import type { OpenAPIObject } from '@nestjs/swagger';
import { isPart, partOf } from './schema-walk';

/**
 * The bodies that Swagger UI offers, by operation: what it would make up from the schemas drains nodes and stores made-up names.
 * A test sends each of them as it stands. Controllers have examples of their own where a summary helps.
 */
const REQUEST_EXAMPLES: Readonly<Record<string, object>> = {
  api_tokens_create: { name: 'ci-pipeline', expires_in_days: 90, read_only: true },
  auth_change_me: { email: 'ada.lovelace@example.org' },
  auth_log_in: { username: 'ada', password: 'Correct-Horse-7' },
  auth_refresh: { refresh_token: 'fogr_4nUuPZ0sV4cYw8Wc2mJb1r3f5h7k9m1p3q5s7u9w1y3' },
  auth_register: { username: 'ada', email: 'ada@example.org', password: 'Correct-Horse-7' },
  deployments_force_release: { reason: 'The machine was taken out of service' },
  agents_join: {
    join_token: 'fogj_4nUuPZ0sV4cYw8Wc2mJb1r3f5h7k9m1p3q5s7u9w1y3',
    public_key: 'GbEJPrmO1kqF6VpoDnpXYp2tJ1mWTLkQr8m2Ckt8qYA',
    machine: { hostname: 'edge-7', machine_id: '7d1b5c1e-5a0f-4a7e-9a53-0c7f6d0a9b1e', platform: 'linux/arm64', program_version: '1.0.0' },
  },
  deployments_hold: { reason: 'Case 12' },
  deployments_move: { project: 'web-team' },
  deployments_preview_move: { project: 'web-team' },
  deployments_protect: { reason: 'Serves production traffic' },
  deployments_scale: { replicas: 3 },
  emails_change: { description: 'on-call' },
  emails_confirm: {},
  emails_create: { event_types: ['fog.deployment.failed'], description: 'on-call' },
  nodes_change: { labels: { rack: '7' } },
  nodes_register: {
    name: 'edge-7',
    region: 'us-east',
    runtime: 'docker',
    endpoint: 'tcp://10.0.0.5:2376',
    cpu_cores: 8,
    memory_mb: 16_384,
    storage_gb: 200,
    labels: { rack: '7' },
  },
  retention_policies_change: { days: 90 },
  retention_policies_create: { selector: 'label', value: 'team=edge', days: 90 },
  retention_policies_preview_change: { days: 90 },
  retention_policies_preview_create: { selector: 'label', value: 'team=edge', days: 90 },
  passwords_change: { current_password: 'Correct-Horse-7', new_password: 'Better-Horse-8' },
  passwords_confirm: { token: 'fogp_4nUuPZ0sV4cYw8Wc2mJb1r3f5h7k9m1p3q5s7u9w1y3', password: 'Better-Horse-8' },
  passwords_request: { username: 'ada' },
  users_add: { username: 'grace', email: 'grace@example.org' },
  users_change: { is_admin: false },
  users_update: { is_active: true },
  webhooks_change: { description: 'on-call' },
  webhooks_create: { url: 'https://example.com/fog', event_types: ['fog.deployment.failed'], description: 'on-call', enabled: false },
};

/** Gives every request body its example. */
export function showExamples(document: OpenAPIObject): void {
  for (const item of Object.values(document.paths)) {
    for (const operation of Object.values<unknown>({ ...item })) {
      if (!isPart(operation)) continue;
      const value = REQUEST_EXAMPLES[String(operation.operationId)];
      const media = partOf(partOf(partOf(operation, 'requestBody'), 'content'), 'application/json');
      if (value !== undefined) media.examples ??= { plain: { summary: 'As it stands', value } };
    }
  }
}
