import type { DataSource } from 'typeorm';
import type { SecretBox } from '../../common/crypto/secret-box';
import { kubeconfigContext, type KubeconfigTrust } from '../../engines/kubeconfig';
import { DriverError } from '../runtime-driver';
import type { ClusterAccess, ClusterAccesses } from './cluster-access';

interface Row extends Omit<ClusterAccess, 'kubeconfig' | 'trust'> {
  readonly kubeconfig: Buffer | null;
  readonly version: number;
}

/** The accesses that administrators have registered, with their kubeconfigs encrypted. */
export class StoredClusterAccesses implements ClusterAccesses {
  constructor(
    private readonly dataSource: DataSource,
    private readonly box: SecretBox,
    private readonly trust: KubeconfigTrust,
  ) {}

  async of(nodeId: string): Promise<{ readonly access: ClusterAccess; readonly version: number }> {
    const [row] = await this.dataSource.query<Row[]>(
      `SELECT kubeconfig, namespace, node_selector AS "nodeSelector", ingress_class AS "ingressClass", gateway, version
         FROM node_clusters WHERE node_id = $1`,
      [nodeId],
    );
    if (!row) throw new DriverError('unreachable', 'The node has no cluster');
    const { kubeconfig, version, ...place } = row;
    return { version, access: { ...place, trust: this.trust, kubeconfig: kubeconfig && this.open(kubeconfig, nodeId) } };
  }

  async nodes(): Promise<ReadonlySet<string>> {
    const rows = await this.dataSource.query<{ id: string }[]>(
      `SELECT n.id FROM nodes AS n JOIN node_clusters AS c ON c.node_id = n.id WHERE n.removed_at IS NULL`,
    );
    return new Set(rows.map(({ id }) => id));
  }

  private open(sealed: Buffer, nodeId: string): string {
    try {
      return this.box.open(sealed, kubeconfigContext(nodeId));
    } catch (error) {
      const words = 'The kubeconfig of this node cannot be decrypted: register it again (PATCH /api/nodes/{id})';
      throw new DriverError('unreachable', words, { cause: error });
    }
  }
}
