import { Injectable } from '@nestjs/common';
import { AppConfig } from '../config/app-config';
import { hasRouters } from '../config/has-routers';
import type { Tx } from '../database/transaction';
import type { RolloutPolicy, RolloutState } from '../deployments/domain/rollout';
import type { RolloutDto } from '../deployments/dto/rollout.dto';
import { ownLimitsOf, type OwnLimits } from '../deployments/limited-holders';
import { ContainerVault, storedContainerOf, type StoredContainer } from '../deployments/spec/container-vault';
import type { DeploymentType } from '../deployments/spec/deployment-spec';
import { newestRollout, toRollout, type RolloutRow } from '../deployments/views/rollout-view.sql';
import type { ContainerSpec } from '../engines/container-spec';
import type { AskedRoute } from '../routing/hosts/asked-route';
import { askedRoutesOf } from '../routing/routes.sql';
import type { PlacementStrategy } from '../scheduling/place.types';
import { revisionState, type RevisionState } from './revision-state';

/** What is wanted of a deployment: the newest wish, whether or not it is rolled out yet. */
export interface StoredState {
  readonly name: string;
  readonly type: DeploymentType;
  readonly replicas: number;
  readonly region: string;
  readonly placementStrategy: PlacementStrategy;
  readonly labels: Readonly<Record<string, string>>;
  readonly routes: readonly AskedRoute[];
  /** As stored: what is missing has its default. */
  readonly policy: Partial<RolloutPolicy>;
  readonly protectionReason: string | null;
  /** The revision that is rolled out, or else the current one. */
  readonly revision: number;
  /** The number that was given last. */
  readonly newestRevision: number;
  readonly container: ContainerSpec;
  /** The state of the open rollout; null when none is open. */
  readonly openState: RolloutState | null;
  /** Of those in whose quotas it counts. */
  readonly ownLimits: readonly OwnLimits[];
}

/** A revision to go back to. */
export interface KeptRevision {
  readonly number: number;
  readonly state: RevisionState;
  readonly imageDigest: string | null;
  /** Null: it is forgotten. */
  readonly container: ContainerSpec | null;
}

/** The tcp ports that a revision publishes. */
export interface RevisionPorts {
  readonly revision: number;
  readonly ports: readonly number[];
}

/** As the database gives it. */
type Stored<T, C = StoredContainer> = Omit<T, 'container'> & { readonly container: C };

export type SealedState = Stored<StoredState>;

/** Reads what a change begins with, values of `env` included. Callers hold the lock of the deployment row. */
@Injectable()
export class StoredStateRepository {
  constructor(
    private readonly config: AppConfig,
    private readonly vault: ContainerVault,
  ) {}

  async read(tx: Tx, id: string): Promise<StoredState> {
    return this.open(id, await this.load(tx, id));
  }

  /** The same with its values still sealed. Null: there is no such deployment. */
  async load(tx: Tx, id: string): Promise<SealedState | null> {
    const [row] = await tx.query<SealedState[]>(STATE, [id]);
    return row ?? null;
  }

  /** What `load` has given, opened. */
  open(id: string, state: SealedState | null): StoredState {
    if (!state) throw new Error(`Deployment ${id} is gone`);
    return { ...state, container: this.vault.open(state.container, id) };
  }

  /** The newest rollout, whether or not it is open. */
  async rollout(tx: Tx, id: string): Promise<RolloutDto | null> {
    const [row] = await tx.query<{ rollout: RolloutRow | null }[]>(
      `SELECT ${newestRollout('$2', '$3')} AS rollout FROM deployments AS d WHERE d.id = $1`,
      [id, this.config.NODE_OFFLINE_AFTER_SECONDS, hasRouters(this.config)],
    );
    return row?.rollout ? toRollout(row.rollout) : null;
  }

  /** The revision with this number, or the newest `previous` one. Null when there is none. */
  async revision(tx: Tx, id: string, number: number | null): Promise<KeptRevision | null> {
    const [row] = await tx.query<Stored<KeptRevision, StoredContainer | null>[]>(REVISION, [id, number]);
    return row ? { ...row, container: row.container && this.vault.open(row.container, id) } : null;
  }

  /**
   * The tcp ports of the current revision, and while a rollout is open of each that a live replica runs. Once it is over the others are
   * about to leave, and no route leads to one that lacks its port.
   */
  async portsInUse(tx: Tx, id: string): Promise<RevisionPorts[]> {
    return tx.query<RevisionPorts[]>(PORTS_IN_USE, [id]);
  }

  /** The failed replicas of the open rollout that wait for a successor. */
  async failedOfRollout(tx: Tx, id: string): Promise<string[]> {
    const rows = await tx.query<{ id: string }[]>(
      `SELECT r.id FROM deployment_replicas AS r JOIN deployments AS d ON d.id = r.deployment_id
        WHERE d.id = $1 AND r.rollout = d.open_rollout AND r.status = 'failed' AND r.superseded_at IS NULL
        ORDER BY r.id`,
      [id],
    );
    return rows.map((row) => row.id);
  }

  /** The live deployment of that project with that name. */
  async idOf(tx: Tx, projectId: string, name: string): Promise<string | null> {
    const [row] = await tx.query<{ id: string }[]>(
      `SELECT id FROM deployments
        WHERE project_id = $1 AND name = $2 AND deleted_at IS NULL`,
      [projectId, name],
    );
    return row?.id ?? null;
  }
}

/** $1 deployment. */
const STATE = `
  SELECT d.name, d.type, d.target_replicas AS replicas, d.region, d.placement_strategy AS "placementStrategy", d.labels,
         ${askedRoutesOf('d')} AS routes,
         d.rollout_policy AS policy, d.protection_reason AS "protectionReason", v.number AS revision,
         (SELECT max(number) FROM deployment_revisions WHERE deployment_id = $1) AS "newestRevision",
         ${storedContainerOf('v')} AS container,
         o.state AS "openState", coalesce(${ownLimitsOf('d')}, '[]') AS "ownLimits"
    FROM deployments AS d
    LEFT JOIN deployment_rollouts AS o ON o.deployment_id = d.id AND o.number = d.open_rollout
    JOIN deployment_revisions AS v
      ON v.deployment_id = d.id
     AND v.number = CASE WHEN o.state IN ('progressing', 'paused') THEN o.revision ELSE d.current_revision END
   WHERE d.id = $1`;

/** $1 deployment. */
const PORTS_IN_USE = `
  SELECT v.number AS revision,
         ARRAY(SELECT (p->>'containerPort')::int FROM jsonb_array_elements(v.spec->'ports') AS p
                WHERE p->>'protocol' = 'tcp') AS ports
    FROM deployments AS d JOIN deployment_revisions AS v ON v.deployment_id = d.id
   WHERE d.id = $1
     AND (v.number = d.current_revision
          OR d.open_rollout IS NOT NULL
             AND v.number IN (SELECT r.revision FROM deployment_replicas AS r
                               WHERE r.deployment_id = d.id AND r.status IN ('pending', 'starting', 'running')))
   ORDER BY v.number`;

/** $1 deployment, $2 number, or null for the newest previous one. */
const REVISION = `
  SELECT * FROM (
    SELECT v.number, ${revisionState} AS state, v.image_digest AS "imageDigest",
           CASE WHEN v.spec <> '{}' THEN ${storedContainerOf('v')} END AS container
      FROM deployments AS d JOIN deployment_revisions AS v ON v.deployment_id = d.id WHERE d.id = $1) AS r
   WHERE CASE WHEN $2::int IS NULL THEN r.state = 'previous' AND r.container IS NOT NULL ELSE r.number = $2 END
   ORDER BY r.number DESC LIMIT 1`;
