import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { AuditEntry } from '../../audit/audit';
import { DomainError } from '../../common/problem/domain-error';
import type { Actor, RequestContext } from '../../common/request-context';
import { newId } from '../../common/uuid';
import { inTransaction, type Tx } from '../../database/transaction';
import type { JobWishes } from '../../jobs/job-kinds';
import { isCapacityTaken } from '../../nodes/nodes.repository';
import { ProjectAccess } from '../../rights/project-access';
import { RoutesService } from '../../routing/routes.service';
import type { Placement } from '../../scheduling/place.types';
import { deployAmounts, deployAudit, DeployService } from '../commands/deploy.service';
import { ManyPlacements } from '../placement/many-placements';
import { sumOf, type Amounts } from '../holdings.sql';
import { Quota } from '../quota';
import { SecretValues, type SecretValuesByName } from '../../secrets/secret-values';
import { ContainerVault } from '../spec/container-vault';
import type { DeploymentSpec } from '../spec/deployment-spec';
import { copiedBytes, secretsOf } from '../spec/secret-env';
import { readAsked, type AskedDeployment } from './asked-deployment';
import { VolumesRepository } from '../../volumes/volumes.repository';
import { VolumeClaims } from '../volumes/volume-claims.service';
import { plusVolumes } from '../volumes/volume-ledger';
import { decide, type Acceptance, type Verdict } from './decide';
import { ManyDeploymentsRepository } from './many-deployments.repository';

/** What became of one deployment. */
export type DeployResult = { readonly id: string } | { readonly refusal: DomainError } | { readonly left: true };

export interface DeployedMany {
  /** In the order of the request. `left`: all or nothing was asked for, and another one was refused. */
  readonly results: readonly DeployResult[];
  readonly audit: readonly AuditEntry[];
  readonly manyJobs: JobWishes;
}

/** What would become of one deployment: it would be made, and get this placement, or be refused. */
export type PreviewedDeploy = { readonly placement: Placement } | { readonly refusal: DomainError };

interface Deciding {
  readonly actor: Actor;
  readonly projectId: string;
  /** Until the transaction ends, others that demand something for this user wait. */
  readonly lock: boolean;
}

interface Writing extends Pick<RequestContext, 'actor' | 'requestId'> {
  readonly projectId: string;
  readonly attempt: number;
}

/** A name or a route was taken by somebody else after this transaction had read it. */
class Overtaken extends DomainError {
  constructor() {
    super('try_again', 'Others take the names or routes of these deployments at this moment. Please try again.', { retryAfterSeconds: 1 });
  }
}

/** Whether another attempt may succeed. */
export const mayDeployAgain = (error: unknown): boolean => error instanceof Overtaken || isCapacityTaken(error);

/** From this attempt on places are left to the reconciler, which goes by one deployment at a time. */
const UNPLACED_ATTEMPT = 3;

/**
 * Deploys many at once: each is decided as if it were deployed by itself, after those before it, with a number of statements that does
 * not depend on how many they are. What has room is `scheduled` at once, the rest waits for the reconciler as a single one does.
 */
@Injectable()
export class DeployManyService {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly single: DeployService,
    private readonly deployments: ManyDeploymentsRepository,
    private readonly placements: ManyPlacements,
    private readonly quota: Quota,
    private readonly routes: RoutesService,
    private readonly projects: ProjectAccess,
    private readonly vault: ContainerVault,
    private readonly secrets: SecretValues,
    private readonly claims: VolumeClaims,
    private readonly volumes: VolumesRepository,
  ) {}

  /** Checks what needs no database. Faults of one body are the refusal of that one. */
  read(bodies: readonly unknown[]): Promise<AskedDeployment[]> {
    return readAsked(bodies, (spec) => this.single.requireLimits(spec));
  }

  /** What would become of each now. Writes nothing and locks nothing. */
  preview(asked: readonly AskedDeployment[], project: string | null, actor: Actor): Promise<PreviewedDeploy[]> {
    return inTransaction(this.dataSource, async (tx) => {
      const projectId = await this.projects.enter(tx, project, actor);
      const verdicts = await this.decide(tx, asked, { actor, projectId, lock: false });
      const accepted = verdicts.flatMap((verdict) => ('order' in verdict ? [{ spec: verdict.order.spec, volumes: verdict.volumes }] : []));
      const placements = (await this.placements.preview(tx, accepted)).values();
      return verdicts.map((verdict) => ('refusal' in verdict ? verdict : { placement: nextOf(placements) }));
    });
  }

  /**
   * Into the project with this name or id; null: the personal one of the actor. In the caller's transaction, which runs again for
   * what `mayDeployAgain` recognises. A refusal is the result of its deployment; with `allOrNothing` nothing is written when there
   * is one.
   */
  async deployIn(
    tx: Tx,
    asked: readonly AskedDeployment[],
    context: Pick<RequestContext, 'actor' | 'requestId'>,
    { project, allOrNothing, attempt }: { readonly project: string | null; readonly allOrNothing: boolean; readonly attempt: number },
  ): Promise<DeployedMany> {
    const projectId = await this.projects.enter(tx, project, context.actor);
    const verdicts = await this.decide(tx, asked, { actor: context.actor, projectId, lock: true });
    const jobsOf = (made: readonly { readonly id: string }[]): JobWishes => ({
      kind: 'deployment.reconcile',
      ownerId: context.actor.userId,
      keys: made.map(({ id }) => id),
    });
    const accepted = verdicts.filter((verdict) => 'order' in verdict);
    if (allOrNothing && accepted.length < verdicts.length) {
      return { results: verdicts.map((verdict) => ('refusal' in verdict ? verdict : { left: true })), audit: [], manyJobs: jobsOf([]) };
    }
    const made = accepted.map((acceptance) => ({ id: newId(), ...acceptance }));
    if (made.length > 0) await this.write(tx, made, { ...context, projectId, attempt });
    const ids = made.values();
    return {
      results: verdicts.map((verdict) => ('refusal' in verdict ? verdict : { id: nextOf(ids).id })),
      audit: made.map(({ id, order }) => deployAudit({ ...order, projectId }, id, 'deployment.deploy')),
      manyJobs: jobsOf(made),
    };
  }

  private async decide(tx: Tx, asked: readonly AskedDeployment[], { actor, projectId, lock }: Deciding): Promise<Verdict[]> {
    const { userId } = actor;
    const specs = asked.flatMap((each) => ('order' in each ? [each.order.spec] : []));
    if (specs.length === 0) return asked.flatMap((each) => ('refusal' in each ? [{ refusal: each.refusal }] : []));
    const tally = await this.quota.tally(tx, { userId, projectId, asker: actor, amounts: sumOf(specs.map(mostOf)) }, { lock });
    const names = await this.deployments.namesInUse(
      tx,
      projectId,
      specs.map(({ name }) => name),
    );
    const wanted = specs.map(({ name, container, routes }) => ({ name, ports: container.ports, asked: routes }));
    const secrets = await this.valuesFor(tx, projectId, specs, { keep: lock });
    const containers = specs.map(({ container }) => container);
    const volumes = await this.claims.ledger(tx, projectId, containers, { lock });
    return decide(asked, { tally, names, secrets, volumes, routes: await this.routes.ledger(tx, projectId, wanted, actor) });
  }

  private valuesFor(
    tx: Tx,
    projectId: string,
    specs: readonly DeploymentSpec[],
    options: { readonly keep: boolean },
  ): Promise<SecretValuesByName> {
    return this.secrets.of(
      tx,
      projectId,
      specs.flatMap(({ container }) => secretsOf(container)),
      options,
    );
  }

  /** Takes locks in the order of everybody: names, hosts, and the nodes last. */
  private async write(
    tx: Tx,
    made: readonly (Acceptance & { readonly id: string })[],
    { actor, requestId, projectId, attempt }: Writing,
  ): Promise<void> {
    const values = await this.valuesFor(
      tx,
      projectId,
      made.map(({ order }) => order.spec),
      { keep: true },
    );
    for (const { order } of made) if (secretsOf(order.spec.container).some((name) => !values.has(name))) throw new Overtaken();
    const newVolumes = made.flatMap((acceptance) => acceptance.newVolumes);
    await this.volumes.insert(tx, newVolumes, { projectId, userId: actor.userId });
    const places = await this.choosePlaces(tx, made, attempt);
    try {
      const rows = made.map(({ id, order }) => {
        const isPlaced = places.has(id);
        const container = this.vault.seal(order.spec.container, id, values);
        const copies = copiedBytes(order.spec.container, values);
        return { id, order, container, copies, scheduled: isPlaced ? `Scheduled ${order.spec.replicas} replicas across nodes` : null };
      });
      if (!(await this.deployments.insert(tx, rows, { userId: actor.userId, projectId, requestId }))) throw new Overtaken();
      const routes = made.flatMap(({ id, routes: own }) => own.map((route, position) => ({ ...route, deploymentId: id, position })));
      if (!(await this.routes.addRoutes(tx, projectId, routes))) throw new Overtaken();
      const placed = made.flatMap(({ id, order }) => {
        const place = places.get(id);
        return place ? [{ id, perReplica: order.spec.container.resources, nodeIds: place.nodeIds, explanation: place.explanation }] : [];
      });
      await this.placements.write(tx, placed);
    } catch (error) {
      this.placements.forget();
      throw error;
    }
  }

  /** The places by deployment; one without room is left out, since only the reconciler can tell whether it may wait for some. */
  private async choosePlaces(
    tx: Tx,
    made: readonly (Acceptance & { readonly id: string })[],
    attempt: number,
  ): Promise<Map<string, Placement>> {
    if (attempt >= UNPLACED_ATTEMPT) return new Map();
    // Where volumes are is decided under their locks, one deployment at a time.
    const free = made.filter(({ volumes }) => volumes === null);
    const specs = free.map(({ order }) => order.spec);
    const chosen = (await this.placements.choose(tx, specs, { again: attempt > 1 })).values();
    return new Map(free.map(({ id }) => [id, nextOf(chosen)] as const).filter(([, { shortfall }]) => shortfall === null));
  }
}

/** All of its volumes may be new. */
const mostOf = (spec: DeploymentSpec): Partial<Amounts> => plusVolumes(deployAmounts(spec), spec.container.volumes ?? []);

function nextOf<T>(values: Iterator<T, unknown>): T {
  const next = values.next();
  if (next.done === true) throw new Error('There are fewer values than deployments');
  return next.value;
}
