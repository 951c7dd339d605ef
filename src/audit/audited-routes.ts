import type { FastifyRequest } from 'fastify';
import { routeOf } from '../common/http/route-of';

/** What a route that changes something does, in the words of the audit log. */
export interface AuditedRoute {
  readonly action: string;
  readonly resourceType: string;
}

const route = (action: string): AuditedRoute => ({ action, resourceType: action.slice(0, action.indexOf('.')) });

/**
 * Every route that changes something, as the OpenAPI document spells it. A test compares this table with the document,
 * and with the rows that each route writes.
 */
export const AUDITED_ROUTES: Readonly<Record<string, AuditedRoute>> = {
  'POST /api/auth/register': route('user.register'),
  'POST /api/auth/login': route('user.login'),
  'POST /api/auth/refresh': route('user.refresh'),
  'POST /api/auth/logout': route('user.logout'),
  'POST /api/auth/tokens': route('token.create'),
  'DELETE /api/auth/tokens/{id}': route('token.revoke'),
  'PATCH /api/auth/me': route('user.change'),
  'PATCH /api/auth/users/{id}': route('user.activate'),
  'POST /api/nodes': route('node.register'),
  'PATCH /api/nodes/{id}': route('node.change'),
  'DELETE /api/nodes/{id}': route('node.remove'),
  'POST /api/deployment/deploy': route('deployment.deploy'),
  'POST /api/deployment/scale/{deployment_id}': route('deployment.scale'),
  'POST /api/deployment/{deployment_id}/stop': route('deployment.stop'),
  'POST /api/deployment/{deployment_id}/start': route('deployment.start'),
  'POST /api/deployment/{deployment_id}/retry': route('deployment.retry'),
  'DELETE /api/deployment/{deployment_id}': route('deployment.delete'),
  'POST /api/deployment/bulk-delete': route('deployment.bulk_delete'),
  'POST /api/deployment/bulk-restore': route('deployment.bulk_restore'),
  'POST /api/deployment/{deployment_id}/restore': route('deployment.restore'),
  'POST /api/deployment/{deployment_id}/force-release': route('deployment.force_release'),
  'PUT /api/deployment/{deployment_id}/protection': route('deployment.protect'),
  'DELETE /api/deployment/{deployment_id}/protection': route('deployment.unprotect'),
  'PUT /api/deployment/{deployment_id}/legal-hold': route('deployment.hold'),
  'DELETE /api/deployment/{deployment_id}/legal-hold': route('deployment.unhold'),
  'POST /api/notifications/webhooks': route('webhook.create'),
  'PATCH /api/notifications/webhooks/{id}': route('webhook.change'),
  'DELETE /api/notifications/webhooks/{id}': route('webhook.remove'),
  'POST /api/notifications/webhooks/{id}/rotate-secret': route('webhook.rotate_secret'),
  'POST /api/notifications/webhooks/{id}/test': route('webhook.test'),
  'POST /api/notifications/emails': route('email.create'),
  'PATCH /api/notifications/emails/{id}': route('email.change'),
  'DELETE /api/notifications/emails/{id}': route('email.remove'),
  'POST /api/notifications/emails/{id}/confirm': route('email.confirm'),
  'POST /api/notifications/emails/{id}/test': route('email.test'),
  'POST /api/notifications/deliveries/{id}/redeliver': route('delivery.redeliver'),
  'DELETE /api/admin/deployment/{id}': route('deployment.purge'),
  'POST /api/admin/retention-policies': route('retention.change'),
  'PATCH /api/admin/retention-policies/{id}': route('retention.change'),
  'DELETE /api/admin/retention-policies/{id}': route('retention.change'),
  'POST /api/operations/{id}/confirm': route('operation.confirm'),
  'POST /api/operations/{id}/cancel': route('operation.cancel'),
};

/**
 * The row of the table for a request. A route that is missing in the table is named by its template. Null when no route
 * matches the address.
 */
export function auditedRouteOf(request: FastifyRequest): { action: string; resourceType: string | null } | null {
  if (request.is404) return null;
  const name = `${request.method} ${routeOf(request).replaceAll(/:([^/]+)/g, '{$1}')}`;
  return AUDITED_ROUTES[name] ?? { action: name, resourceType: null };
}
