import { Check, Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';
import { NUMERIC } from '../../engines/numeric.transformer';

/**
 * The resources of each replica of the current revision: the same as in the revision's spec, as columns that SQL can add up.
 */
@Entity({ name: 'deployment_resources' })
@Check('ck_deployment_resources_cpu', `cpu_cores > 0`)
@Check('ck_deployment_resources_memory', `memory_mb > 0`)
@Check('ck_deployment_resources_gpu', `gpu_units >= 0`)
@Check('ck_deployment_resources_storage', `storage_gb > 0`)
@Check('ck_deployment_resources_ports', `ports >= 0`)
export class Resource {
  @ForeignKey('Deployment', { name: 'fk_deployment_resources_deployment', onDelete: 'RESTRICT' })
  @PrimaryColumn({ name: 'deployment_id', type: 'uuid', primaryKeyConstraintName: 'pk_deployment_resources' })
  deploymentId!: string;

  @Column({ name: 'cpu_cores', type: 'numeric', precision: 9, scale: 3, transformer: NUMERIC })
  cpuCores!: number;

  @Column({ name: 'memory_mb', type: 'integer' })
  memoryMb!: number;

  @Column({ name: 'gpu_units', type: 'integer' })
  gpuUnits!: number;

  @Column({ name: 'storage_gb', type: 'integer' })
  storageGb!: number;

  /** How many ports each replica publishes. */
  @Column({ name: 'ports', type: 'integer', default: 0 })
  ports!: number;
}
