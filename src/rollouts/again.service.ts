import { Injectable } from '@nestjs/common';
import { Commands, type Decided } from '../commands/commands';
import { DomainError } from '../common/problem/domain-error';
import type { RequestContext } from '../common/request-context';
import type { Tx } from '../database/transaction';
import { DeploymentsRepository, type LockedDeployment } from '../deployments/deployments.repository';
import { rolloutPolicyOf } from '../deployments/domain/rollout';
import { requireMatch } from '../deployments/etag';
import { Quota } from '../deployments/quota';
import { requireLive } from '../deployments/refusals';
import { KEPT_REVISIONS } from '../deployments/revisions.repository';
import { secretsOf } from '../deployments/spec/secret-env';
import { writerFaults } from '../deployments/domain/volume-faults';
import type { ContainerSpec } from '../engines/container-spec';
import { SecretValues } from '../secrets/secret-values';
import type { Changed } from './change.types';
import { RevisionStart, type Started } from './revision-start';
import { revisionWords } from './revision-words';
import { unpublishedPorts } from './route-changes';
import { StoredStateRepository, type KeptRevision, type StoredState } from './stored-state.repository';

interface Verb {
  readonly verb: 'restart' | 'rollback';
  readonly start: (tx: Tx, deployment: LockedDeployment, state: StoredState) => Promise<Started & Pick<Changed, 'message'>>;
}

/** Rolls out again what was rolled out before: the same revision, or the content of an older one. */
@Injectable()
export class AgainService {
  constructor(
    private readonly commands: Commands,
    private readonly deployments: DeploymentsRepository,
    private readonly states: StoredStateRepository,
    private readonly starts: RevisionStart,
    private readonly secrets: SecretValues,
    private readonly quota: Quota,
  ) {}

  /** Replaces all replicas by new ones of the newest wanted revision. Throws `not_found`, `precondition_failed`, and `conflict` unless it runs. */
  restart(id: string, context: RequestContext): Promise<Changed> {
    const start = async (tx: Tx, deployment: LockedDeployment, { revision, policy }: StoredState) => {
      if (deployment.status !== 'running') throw new DomainError('conflict', `Cannot restart deployment in ${deployment.status} state`);
      const order = { revision, words: `Revision ${revision}: restarted by user`, policy: rolloutPolicyOf(policy) };
      return { ...(await this.starts.start(tx, deployment, order, context)), message: `Restarting with revision ${revision}` };
    };
    return this.run(id, { verb: 'restart', start }, context);
  }

  /**
   * Makes a new revision with the content of an older one and the present values of its secrets: of `number`, or of the newest that was
   * current before. Throws `not_found` for one that never was, `quota_exceeded`, and `conflict` for one that is forgotten or wanted
   * already or lacks the port of a route, or when there is none.
   */
  rollback(id: string, number: number | null, context: RequestContext): Promise<Changed> {
    const start = async (tx: Tx, deployment: LockedDeployment, state: StoredState) => {
      if (number === null && deployment.openRollout !== null) throw stillOpen(state);
      const old = requireKept(await this.states.revision(tx, id, number), number);
      const { imageDigest } = old;
      requireOneWriter(old, deployment);
      requireRoutedPorts(old, state);
      const what = `the content of revision ${old.number}`;
      const content = { now: state, container: old.container, what, imageDigest, policy: rolloutPolicyOf(state.policy) };
      const started = await this.quota.growing(tx, { deployment, asker: context.actor, own: state.ownLimits }, async () => {
        await this.requireSecrets(tx, deployment, old);
        return this.starts.add(tx, deployment, content, context);
      });
      return { ...started, message: revisionWords(started.revision, deployment.status) };
    };
    return this.run(id, { verb: 'rollback', start }, context);
  }

  /** Throws `conflict` when the old content uses a secret that is no longer there. */
  private async requireSecrets(tx: Tx, { projectId }: LockedDeployment, old: { number: number; container: ContainerSpec }): Promise<void> {
    const names = secretsOf(old.container);
    const found = await this.secrets.of(tx, projectId, names, { keep: true });
    const missing = names.filter((name) => !found.has(name));
    if (missing.length > 0) throw new DomainError('conflict', `Revision ${old.number} uses secrets that are gone: ${missing.join(', ')}`);
  }

  private run(id: string, { verb, start }: Verb, context: RequestContext): Promise<Changed> {
    return this.commands.run(context, async (tx): Promise<Decided<Changed>> => {
      const deployment = requireLive(await this.deployments.lock(tx, id, context.actor), id);
      requireMatch(context, deployment.version);
      const before = await this.states.read(tx, id);
      const started = await start(tx, deployment, before);
      return {
        outcome: { id, result: 'rolling_out', status: deployment.status, ...started },
        audit: {
          action: `deployment.${verb}`,
          resourceType: 'deployment',
          resourceId: id,
          before: { revision: before.revision },
          after: { revision: started.revision },
        },
        jobs: [{ kind: 'deployment.reconcile', key: id }],
      };
    });
  }
}

/** Throws `conflict` when the old content writes to a volume and there are several replicas. */
function requireOneWriter({ number, container }: { number: number; container: ContainerSpec }, { targetReplicas }: LockedDeployment): void {
  if (writerFaults(container, targetReplicas).length === 0) return;
  throw new DomainError('conflict', `Revision ${number} writes to a volume, and ${targetReplicas} replicas are wanted: scale to 1 first`);
}

/** Throws `conflict` when the old content lacks a port to which routes lead. */
function requireRoutedPorts({ number, container }: { number: number; container: ContainerSpec }, { routes }: StoredState): void {
  const lost = unpublishedPorts(routes, container);
  if (lost.length === 0) return;
  throw new DomainError(
    'conflict',
    `Revision ${number} does not publish ${lost.join(', ')}, to which routes lead: change the routes first`,
  );
}

/** To go back while a rollout is open is to abort it; the newest previous revision would be one too far. */
const stillOpen = ({ revision }: StoredState): DomainError =>
  new DomainError('conflict', `A rollout is open, and revision ${revision} is wanted: abort it, or name the revision to go back to`);

function requireKept(old: KeptRevision | null, number: number | null): KeptRevision & { readonly container: ContainerSpec } {
  if (!old) {
    if (number === null) throw new DomainError('conflict', 'There is no previous revision to go back to');
    throw new DomainError('not_found', `The deployment has no revision ${number}`);
  }
  const { container, state } = old;
  if (state === 'current') throw new DomainError('conflict', `Revision ${old.number} is the current one already`);
  if (state === 'rolling_out') throw new DomainError('conflict', `Revision ${old.number} is being rolled out already`);
  if (container === null) {
    throw new DomainError('conflict', `Revision ${old.number} is forgotten; only the last ${KEPT_REVISIONS} are kept`);
  }
  return { ...old, container };
}
