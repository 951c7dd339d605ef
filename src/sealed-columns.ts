import { envContext } from './deployments/spec/container-vault';
import { kubeconfigContext } from './engines/kubeconfig';
import { contextOf as webhookContext } from './notifications/webhook/webhook-secrets';
import { orderContext } from './runtime/agent/order-spec';
import { registryContext } from './secrets/registry-credentials';
import { secretContext } from './secrets/secret-values';

/** A column and its type. */
type KeyColumn = readonly [name: string, type: 'uuid' | 'integer' | 'text'];

export interface SealedColumn {
  readonly table: string;
  readonly column: string;
  /** The primary key. */
  readonly key: readonly [KeyColumn] | readonly [KeyColumn, KeyColumn];
  /** The place that the bytes are bound to, from the values of `key`. */
  readonly context: (first: string, second: string) => string;
  /** What is in it, as people call it. */
  readonly what: string;
  /** What helps when it cannot be read. */
  readonly remedy: string;
}

/** Every column that ENCRYPTION_KEY encrypts. A test finds one that is missing here. */
export const SEALED_COLUMNS: readonly SealedColumn[] = [
  {
    table: 'subscriptions',
    column: 'secret_sealed',
    key: [['id', 'uuid']],
    context: webhookContext,
    what: 'secrets of webhooks',
    remedy: 'their webhooks fail until their owners rotate them',
  },
  {
    table: 'subscriptions',
    column: 'previous_secret_sealed',
    key: [['id', 'uuid']],
    context: webhookContext,
    what: 'former secrets of webhooks',
    remedy: 'they are no longer signed with',
  },
  {
    table: 'node_clusters',
    column: 'kubeconfig',
    key: [['node_id', 'uuid']],
    context: kubeconfigContext,
    what: 'kubeconfigs',
    remedy: 'give them again (PATCH /api/nodes/{id})',
  },
  {
    table: 'agent_orders',
    column: 'spec',
    key: [
      ['node_id', 'uuid'],
      ['replica_id', 'uuid'],
    ],
    context: orderContext,
    what: 'orders to agents',
    remedy: 'their agents go on with what they have',
  },
  {
    table: 'deployment_revisions',
    column: 'env_sealed',
    key: [
      ['deployment_id', 'uuid'],
      ['number', 'integer'],
    ],
    context: envContext,
    what: 'environments of revisions',
    remedy: 'their deployments start nothing until they get another env (PUT /api/deployment/named/{name})',
  },
  {
    table: 'project_secrets',
    column: 'sealed',
    key: [
      ['project_id', 'uuid'],
      ['name', 'text'],
    ],
    context: secretContext,
    what: 'secrets of projects',
    remedy: 'set them again',
  },
  {
    table: 'registries',
    column: 'sealed',
    key: [['id', 'uuid']],
    context: registryContext,
    what: 'passwords of registries',
    remedy: 'set them again',
  },
];
