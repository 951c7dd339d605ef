import type { Answer } from '../../common/http/answer';
import type { DeploymentStatus } from '../domain/deployment-status';
import { DeploymentAcceptedDto } from '../dto/deployment-accepted.dto';
import { DryRunDto } from '../dto/placement.dto';
import type { Deployed, DeployPreview } from './deploy.service';
import type { LifecycleChanged } from './lifecycle.service';
import type { Scaled } from './scale.service';

/** The path of the deployment's status. */
export const statusPath = (id: string): string => `/api/deployment/status/${id}`;

/** The message for a deployment that waits for its placement. */
const queued = (id: string): string => `Deployment queued for scheduling. Use /status/${id} to track progress.`;

const accepted = (id: string, status: DeploymentStatus, replicas: number, message: string): DeploymentAcceptedDto => ({
  success: true,
  deployment_id: id,
  status,
  replicas,
  message,
});

/** The answer for a deployment that was accepted or, with `dry_run`, the placement that it would get. */
export const deployAnswer = (outcome: Deployed | { readonly preview: DeployPreview }): Answer =>
  'preview' in outcome
    ? { status: 200, body: DryRunDto.of(outcome.preview) }
    : { status: 202, body: accepted(outcome.id, 'pending', outcome.replicas, queued(outcome.id)), location: statusPath(outcome.id) };

export const scaleAnswer = ({ id, status, from, to }: Scaled): Answer => ({
  status: 200,
  body: accepted(id, status, to, scaleMessage(from, to)),
});

export const lifecycleAnswer = ({ verb, id, status, targetReplicas, stopping }: LifecycleChanged): Answer => {
  const message = verb === 'stop' ? `Deployment stopped; ${stopping} replicas are stopping` : queued(id);
  return { status: 202, body: accepted(id, status, targetReplicas, message) };
};

function scaleMessage(from: number, to: number): string {
  if (to > from) return `Scaled up to ${to} replicas (${to - from} added)`;
  if (to < from) return `Scaled down to ${to} replicas (${from - to} removed)`;
  return `Deployment already at ${to} replicas`;
}
