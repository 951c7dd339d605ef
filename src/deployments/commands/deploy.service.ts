import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { AuditEntry } from '../../audit/audit';
import { Commands } from '../../commands/commands';
import { DomainError } from '../../common/problem/domain-error';
import type { Actor, RequestContext } from '../../common/request-context';
import { newId } from '../../common/uuid';
import { AppConfig } from '../../config/app-config';
import { violatedConstraint } from '../../database/postgres-error';
import { inTransaction, type Tx } from '../../database/transaction';
import type { PortSpec } from '../../engines/container-spec';
import type { JobWish } from '../../jobs/job-kinds';
import type { Placement } from '../../scheduling/place.types';
import { ProjectAccess } from '../../rights/project-access';
import { RoutesService } from '../../routing/routes.service';
import { DeploymentsRepository } from '../deployments.repository';
import { limitFaults } from '../domain/limits';
import { volumeFaults } from '../domain/volume-faults';
import { PlacementService } from '../placement/placement.service';
import { SecretValues, type SecretValuesByName } from '../../secrets/secret-values';
import { ContainerVault } from '../spec/container-vault';
import { copiedBytes, requireSecrets, secretsOf } from '../spec/secret-env';
import { auditSpec, storedBytes } from '../spec/spec-codec';
import type { DeployOrder, DeploymentSpec } from '../spec/deployment-spec';
import { Quota, replicaAmounts } from '../quota';
import { VolumeClaims } from '../volumes/volume-claims.service';
import type { Amounts } from '../holdings.sql';

export interface Deployed {
  readonly id: string;
  readonly replicas: number;
}

/** The placement that a deployment would get, and its project. */
export interface DeployPreview {
  readonly placement: Placement;
  readonly project: { readonly id: string; readonly name: string };
}

interface Deploying {
  readonly outcome: Deployed;
  readonly audit: AuditEntry;
  readonly jobs: readonly JobWish[];
}

/** Accepts a deployment. Once committed it survives every crash, and the reconciler starts its replicas. */
@Injectable()
export class DeployService {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly config: AppConfig,
    private readonly commands: Commands,
    private readonly deployments: DeploymentsRepository,
    private readonly placements: PlacementService,
    private readonly quota: Quota,
    private readonly routes: RoutesService,
    private readonly projects: ProjectAccess,
    private readonly vault: ContainerVault,
    private readonly secrets: SecretValues,
    private readonly volumes: VolumeClaims,
  ) {}

  /**
   * Throws `validation_failed` beyond the configured limits, for unknown secrets and for volumes of other sizes, `volume_in_use`,
   * `not_found` and `role_required` for the project, `quota_exceeded`, and `already_exists` for a live deployment with that name;
   * besides what `RoutesService.requireRoutes` throws.
   */
  async deploy({ spec, project, protectionReason }: DeployOrder, context: RequestContext): Promise<Deployed> {
    this.requireLimits(spec);
    try {
      return await this.commands.run(context, async (tx) => {
        const projectId = await this.projects.enter(tx, project, context.actor);
        return this.deployIn(tx, spec, context, { projectId, protectionReason, action: 'deployment.deploy' });
      });
    } catch (error) {
      if (violatedConstraint(error) !== 'uq_deployments_live_name') throw error;
      throw nameInUse(spec.name);
    }
  }

  /** The same in the caller's transaction, for what is within the limits. A name that is in use fails with 23505 there. */
  async deployIn(
    tx: Tx,
    spec: DeploymentSpec,
    { actor, requestId }: Pick<RequestContext, 'actor' | 'requestId'>,
    { projectId, protectionReason, action }: { projectId: string; protectionReason: string | null; action: string },
  ): Promise<Deploying> {
    await this.quota.require(tx, { userId: actor.userId, projectId, asker: actor, amounts: deployAmounts(spec) });
    const values = await this.requireSecrets(tx, projectId, spec, { keep: true });
    const copies = copiedBytes(spec.container, values);
    const bytes = { userId: actor.userId, projectId, asker: actor, amounts: { stored_bytes: storedBytes(spec) + copies } };
    if (copies > 0) await this.quota.require(tx, bytes);
    const id = newId();
    const container = this.vault.seal(spec.container, id, values);
    await this.deployments.insert(tx, spec, actor, { id, projectId, requestId, protectionReason, container, copies });
    await this.volumes.claim(tx, spec.container, { id, name: spec.name, projectId, userId: actor.userId, asker: actor });
    if (spec.routes.length > 0) await this.routes.replaceRoutes(tx, { ...routed(spec, projectId), id }, spec.routes, actor);
    return {
      outcome: { id, replicas: spec.replicas },
      audit: deployAudit({ spec, projectId, protectionReason }, id, action),
      jobs: [{ kind: 'deployment.reconcile', key: id }],
    };
  }

  /**
   * The placement that `spec` would get now, or why it would get none, and in which project. Throws what a deploy would throw for its
   * limits, quotas and routes. Writes nothing.
   */
  async preview({ spec, project }: Pick<DeployOrder, 'spec' | 'project'>, actor: Actor): Promise<DeployPreview> {
    this.requireLimits(spec);
    return inTransaction(this.dataSource, async (tx) => {
      const { id, name } = await this.projects.hold(tx, project ?? actor.boundTo?.projectId ?? actor.userId, 'deployment.change', actor);
      return { placement: await this.previewIn(tx, spec, id, actor), project: { id, name } };
    });
  }

  /** The same in the caller's transaction, for what is within the limits, in a project into which the actor may deploy. */
  async previewIn(tx: Tx, spec: DeploymentSpec, projectId: string, actor: Actor): Promise<Placement> {
    const amounts = await this.volumes.demand(tx, spec.container, projectId, deployAmounts(spec));
    await this.quota.check(tx, { userId: actor.userId, projectId, asker: actor, amounts });
    await this.routes.requireRoutes(tx, { ...routed(spec, projectId), id: null }, spec.routes, actor);
    const copies = copiedBytes(spec.container, await this.requireSecrets(tx, projectId, spec, { keep: false }));
    const bytes = { userId: actor.userId, projectId, asker: actor, amounts: { stored_bytes: storedBytes(spec) + copies } };
    if (copies > 0) await this.quota.check(tx, bytes);
    const volumes = await this.volumes.look(tx, spec.container, { id: null, name: spec.name, projectId });
    return this.placements.preview(tx, { ...spec, resources: spec.container.resources }, spec.replicas, volumes);
  }

  /**
   * The values of the secrets that it uses. `keep`: until the transaction ends they neither change nor go. Throws `validation_failed` for
   * one that the project does not have.
   */
  async requireSecrets(
    tx: Tx,
    projectId: string,
    { container }: Pick<DeploymentSpec, 'container'>,
    options: { readonly keep: boolean },
  ): Promise<SecretValuesByName> {
    const values = await this.secrets.of(tx, projectId, secretsOf(container), options);
    requireSecrets(container, values);
    return values;
  }

  /** Throws `validation_failed` for what is beyond the configured limits. */
  requireLimits(spec: Pick<DeploymentSpec, 'replicas' | 'container'>): void {
    const { resources, ports, healthCheck } = spec.container;
    const errors = [
      ...limitFaults(this.config, { replicas: spec.replicas, resources, ports, healthCheck }),
      ...volumeFaults(this.config, spec.container, spec.replicas),
    ];
    const [first] = errors;
    if (first === undefined) return;
    const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
    throw new DomainError('validation_failed', `${first.pointer.slice(1)} ${first.detail}${more}.`, { errors });
  }
}

/** What a new deployment asks of quotas. It may be deleted at once, so there must be room for a kept one. `copies`: bytes of its secrets. */
export const deployAmounts = (spec: DeploymentSpec, copies = 0): Partial<Amounts> => ({
  deployments: 1,
  kept_deployments: 1,
  stored_bytes: storedBytes(spec) + copies,
  ...replicaAmounts(spec.replicas, spec.container.resources, spec.container.ports.length),
});

/** The audit row of a deployment that was made. */
export const deployAudit = (
  {
    spec,
    projectId,
    protectionReason,
  }: { readonly spec: DeploymentSpec; readonly projectId: string; readonly protectionReason: string | null },
  id: string,
  action: string,
): AuditEntry => ({
  action,
  resourceType: 'deployment',
  resourceId: id,
  after: { project_id: projectId, protection_reason: protectionReason, ...auditSpec(spec) },
});

/** The refusal for a name that a live deployment of the project has. */
export const nameInUse = (name: string): DomainError => new DomainError('already_exists', `A deployment named ${name} exists already`);

/** What the routes of a new deployment depend on. */
const routed = (
  { name, container }: DeploymentSpec,
  projectId: string,
): Pick<DeploymentSpec, 'name'> & { projectId: string; ports: readonly PortSpec[] } => ({
  name,
  projectId,
  ports: container.ports,
});
