import { Check, Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';

/** How the cluster of a Kubernetes node is reached, and which part of it the node is. */
@Entity({ name: 'node_clusters' })
@Check('ck_node_clusters_entrance', `ingress_class IS NULL OR gateway IS NULL`)
export class NodeCluster {
  @ForeignKey('FogNode', { name: 'fk_node_clusters_node', onDelete: 'CASCADE' })
  @PrimaryColumn({ name: 'node_id', type: 'uuid', primaryKeyConstraintName: 'pk_node_clusters' })
  nodeId!: string;

  /** Encrypted, and bound to the node. Null: the cluster that this program runs in. */
  @Column({ name: 'kubeconfig', type: 'bytea', nullable: true })
  kubeconfig!: Buffer | null;

  @Column({ name: 'namespace', type: 'text' })
  namespace!: string;

  @Column({ name: 'node_selector', type: 'jsonb', default: {} })
  nodeSelector!: Record<string, string>;

  /** The class of the Ingresses that are made for routes. */
  @Column({ name: 'ingress_class', type: 'text', nullable: true })
  ingressClass!: string | null;

  /** Namespace and name of the Gateway that HTTPRoutes are made for. */
  @Column({ name: 'gateway', type: 'text', nullable: true })
  gateway!: string | null;

  /** Counts the changes, so that processes notice them. */
  @Column({ name: 'version', type: 'integer', default: 1 })
  version!: number;
}
