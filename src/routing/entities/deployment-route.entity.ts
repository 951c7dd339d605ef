import { Check, Column, Entity, ForeignKey, Index, PrimaryGeneratedColumn } from 'typeorm';

/** A host and a path under which a deployment is reached. A deletion removes it; a restore brings it back if it is still free. */
@Entity({ name: 'deployment_routes' })
@Index('uq_deployment_routes_live', ['host', 'pathPrefix'], { unique: true, where: `removed_at IS NULL` })
@Index('ix_deployment_routes_deployment', ['deploymentId'])
@Check('ck_deployment_routes_host', `host = lower(host) AND length(host) BETWEEN 1 AND 253`)
@Check('ck_deployment_routes_path', `path_prefix LIKE '/%'`)
@Check('ck_deployment_routes_port', `port BETWEEN 1 AND 65535`)
export class DeploymentRoute {
  @PrimaryGeneratedColumn('uuid', { name: 'id', primaryKeyConstraintName: 'pk_deployment_routes' })
  id!: string;

  @ForeignKey('Deployment', { name: 'fk_deployment_routes_deployment', onDelete: 'RESTRICT' })
  @Column({ name: 'deployment_id', type: 'uuid' })
  deploymentId!: string;

  @Column({ name: 'host', type: 'text' })
  host!: string;

  @Column({ name: 'path_prefix', type: 'text' })
  pathPrefix!: string;

  /** The port of the containers. */
  @Column({ name: 'port', type: 'integer' })
  port!: number;

  /** The place in the list that was sent. */
  @Column({ name: 'position', type: 'integer' })
  position!: number;

  /** Its host was asked for; otherwise the host follows from the names of the deployment and its project. */
  @Column({ name: 'named', type: 'boolean' })
  named!: boolean;

  @Column({ name: 'removed_at', type: 'timestamptz', nullable: true })
  removedAt!: Date | null;
}
