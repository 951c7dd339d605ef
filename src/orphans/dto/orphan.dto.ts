import { ApiProperty } from '@nestjs/swagger';
import { DEPLOYMENT_STATUSES, type DeploymentStatus } from '../../deployments/domain/deployment-status';
import { REPLICA_STATUSES, type ReplicaStatus } from '../../deployments/domain/replica-status';
import { adviceOn } from '../orphan-rules';
import {
  DEPLOYMENT_KNOWLEDGE,
  ORPHAN_ADVICE,
  ORPHAN_KINDS,
  ORPHAN_STATES,
  type DeploymentKnowledge,
  type OrphanAdvice,
  type OrphanKind,
  type OrphanState,
  type OrphanView,
} from '../orphan.types';

/** What is known of the deployment that an orphan names. */
export class OrphansDeploymentDto {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ enum: DEPLOYMENT_KNOWLEDGE, description: '`unknown`: this database has never had it, or not yet when it was backed up' })
  known!: DeploymentKnowledge;

  @ApiProperty({ type: String, nullable: true })
  name!: string | null;

  @ApiProperty({ type: String, format: 'uuid', nullable: true })
  user_id!: string | null;

  @ApiProperty({ enum: DEPLOYMENT_STATUSES, nullable: true })
  status!: DeploymentStatus | null;
}

/** Something that has lost its other half. */
export class OrphanDto {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({
    enum: ORPHAN_KINDS,
    description: '`container`: no replica stands for it. `replica`: its engine shows no container. `route`: its deployment is gone',
  })
  kind!: OrphanKind;

  @ApiProperty({ enum: ORPHAN_STATES })
  state!: OrphanState;

  @ApiProperty({ enum: ORPHAN_ADVICE, description: '`wait`: it is removed or replaced without you. `by_hand`: the API cannot address it' })
  suggested_action!: OrphanAdvice;

  @ApiProperty({ example: '"1"', description: 'Send it as `If-Match`: refuses (412) when the orphan has changed since' })
  etag!: string;

  @ApiProperty({ type: String, format: 'uuid', nullable: true })
  node_id!: string | null;

  @ApiProperty({ type: String, nullable: true })
  node_name!: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'The identity of the engine that showed it last' })
  engine_id!: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'The container; null for other kinds' })
  container_id!: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'The name of the container' })
  name!: string | null;

  @ApiProperty({ type: String, nullable: true })
  image!: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'What the container does, such as `running`' })
  phase!: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'By the clock of its engine' })
  container_created_at!: string | null;

  @ApiProperty({ type: String, format: 'uuid', nullable: true })
  replica_id!: string | null;

  @ApiProperty({ enum: REPLICA_STATUSES, nullable: true, description: 'Null: there is no such replica' })
  replica_status!: ReplicaStatus | null;

  @ApiProperty({ type: () => OrphansDeploymentDto, nullable: true })
  deployment!: OrphansDeploymentDto | null;

  @ApiProperty({ type: 'integer', description: 'In how many looks it was seen; from the second on it is shown' })
  sightings!: number;

  @ApiProperty({ format: 'date-time' })
  first_seen_at!: string;

  @ApiProperty({ format: 'date-time' })
  last_seen_at!: string;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'When its end was decided' })
  decided_at!: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'When its engine has confirmed that, or it was adopted' })
  ended_at!: string | null;

  @ApiProperty({ type: 'integer', description: 'How often its removal has failed; it is tried again at every look' })
  attempts!: number;

  @ApiProperty({ type: String, nullable: true, description: 'Why it failed last' })
  last_error!: string | null;

  static of(orphan: OrphanView): OrphanDto {
    const { kind, facts, deployment, deploymentId, version } = orphan;
    return {
      id: orphan.id,
      kind,
      state: orphan.state,
      suggested_action: adviceOn(orphan),
      etag: `"${version}"`,
      node_id: orphan.nodeId,
      node_name: orphan.nodeName,
      engine_id: orphan.engineId,
      container_id: kind === 'container' ? orphan.subject : null,
      name: facts.name ?? null,
      image: facts.image ?? null,
      phase: facts.phase ?? null,
      container_created_at: facts.createdAt ?? null,
      replica_id: orphan.replicaId,
      replica_status: orphan.replicaStatus,
      deployment:
        deploymentId === null
          ? null
          : {
              id: deploymentId,
              known: orphan.knowledge,
              name: deployment?.name ?? null,
              user_id: deployment?.ownerId ?? null,
              status: deployment?.status ?? null,
            },
      sightings: orphan.sightings,
      first_seen_at: orphan.firstSeenAt.toISOString(),
      last_seen_at: orphan.lastSeenAt.toISOString(),
      decided_at: orphan.decidedAt?.toISOString() ?? null,
      ended_at: orphan.endedAt?.toISOString() ?? null,
      attempts: orphan.attempts,
      last_error: orphan.lastError,
    };
  }
}
