import type { FastifyRequest } from 'fastify';
import { routeOf } from '../common/http/route-of';

/** What a route that changes something does, in the words of the audit log. */
export interface AuditedRoute {
  readonly action: string;
  readonly resourceType: string;
}

const route = (action: string): AuditedRoute => ({ action, resourceType: action.slice(0, action.indexOf('.')) });

/**
 * Every route that changes something, which previews do not, as the OpenAPI document spells it. A test compares this table with the
 * document, and with the rows that each route writes.
 */
export const AUDITED_ROUTES: Readonly<Record<string, AuditedRoute>> = {
  'POST /api/auth/register': route('user.register'),
  'POST /api/auth/login': route('user.login'),
  'POST /api/auth/refresh': route('user.refresh'),
  'POST /api/auth/logout': route('user.logout'),
  'POST /api/auth/tokens': route('token.create'),
  'DELETE /api/auth/tokens/{id}': route('token.revoke'),
  'PATCH /api/auth/me': route('user.change'),
  'POST /api/auth/password': route('user.change_password'),
  'POST /api/auth/password-reset/request': route('user.request_password'),
  'POST /api/auth/password-reset/confirm': route('user.reset_password'),
  'PATCH /api/auth/users/{id}': route('user.activate'),
  'POST /api/users': route('user.add'),
  'PATCH /api/users/{id}': route('user.change'),
  'POST /api/users/{id}/unlock': route('user.unlock'),
  'POST /api/users/{id}/password-link': route('user.link_password'),
  'POST /api/nodes': route('node.register'),
  'PATCH /api/nodes/{id}': route('node.change'),
  'POST /api/nodes/{id}/join-token': route('node.rejoin'),
  'POST /api/agents/join': route('node.join'),
  'DELETE /api/nodes/{id}': route('node.remove'),
  'POST /api/projects': route('project.create'),
  'PATCH /api/projects/{id}': route('project.change'),
  'DELETE /api/projects/{id}': route('project.delete'),
  'PUT /api/projects/{id}/quota': route('project.set_quota'),
  'PUT /api/projects/{id}/members/{user_id}': route('project.put_member'),
  'DELETE /api/projects/{id}/members/{user_id}': route('project.remove_member'),
  'PUT /api/projects/{id}/secrets/{name}': route('project.put_secret'),
  'DELETE /api/projects/{id}/secrets/{name}': route('project.remove_secret'),
  'DELETE /api/projects/{id}/volumes/{name}': route('project.remove_volume'),
  'PUT /api/projects/{id}/registries/{name}': route('project.put_registry'),
  'DELETE /api/projects/{id}/registries/{name}': route('project.remove_registry'),
  'PUT /api/admin/registries/{name}': route('admin.put_registry'),
  'DELETE /api/admin/registries/{name}': route('admin.remove_registry'),
  'PUT /api/projects/{id}/groups/{group}': route('project.put_group'),
  'DELETE /api/projects/{id}/groups/{group}': route('project.remove_group'),
  'POST /api/deployment/deploy': route('deployment.deploy'),
  'POST /api/deployment/scale/{deployment_id}': route('deployment.scale'),
  'POST /api/deployment/{deployment_id}/stop': route('deployment.stop'),
  'POST /api/deployment/{deployment_id}/start': route('deployment.start'),
  'POST /api/deployment/{deployment_id}/retry': route('deployment.retry'),
  'PATCH /api/deployment/{deployment_id}': route('deployment.change'),
  'PUT /api/deployment/named/{name}': route('deployment.apply'),
  'POST /api/deployment/{deployment_id}/restart': route('deployment.restart'),
  'POST /api/deployment/{deployment_id}/rollback': route('deployment.rollback'),
  'POST /api/deployment/{deployment_id}/rollout/pause': route('deployment.pause_rollout'),
  'POST /api/deployment/{deployment_id}/rollout/resume': route('deployment.resume_rollout'),
  'POST /api/deployment/{deployment_id}/rollout/abort': route('deployment.abort_rollout'),
  'POST /api/deployment/{deployment_id}/move': route('deployment.move'),
  'DELETE /api/deployment/{deployment_id}': route('deployment.delete'),
  'POST /api/deployment/bulk-delete': route('deployment.bulk_delete'),
  'POST /api/deployment/bulk-deploy': route('deployment.bulk_deploy'),
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
  'POST /api/admin/clock/confirm': route('clock.confirm'),
  'POST /api/admin/orphans/{id}/reap': route('orphan.reap'),
  'POST /api/admin/orphans/{id}/adopt': route('orphan.adopt'),
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
