import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import type { Backend, LeavingBackend } from '../route-table';

/** Which replicas answer for the routes of a deployment. Only deployments that have, or had, routes have a row. */
@Entity({ name: 'route_tables' })
@Index('ix_route_tables_changed', ['changedIn'])
export class RouteTableRow {
  @ForeignKey('Deployment', { name: 'fk_route_tables_deployment', onDelete: 'RESTRICT' })
  @PrimaryColumn({ name: 'deployment_id', type: 'uuid', primaryKeyConstraintName: 'pk_route_tables' })
  deploymentId!: string;

  /** Every change of the routes or of the backends adds one. */
  @Column({ name: 'version', type: 'bigint' })
  version!: string;

  @Column({ name: 'backends', type: 'jsonb' })
  backends!: Backend[];

  @Column({ name: 'leaving', type: 'jsonb' })
  leaving!: LeavingBackend[];

  /** The transaction of the last change. */
  @Column({ name: 'changed_in', type: 'bigint' })
  changedIn!: string;
}
