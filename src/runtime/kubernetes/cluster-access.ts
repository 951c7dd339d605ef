import type { KubeconfigTrust } from '../../engines/kubeconfig';

/** How a cluster is reached, and which part of it a node is. */
export interface ClusterAccess {
  /** A kubeconfig as YAML or JSON; null: this program runs in the cluster, and uses its own service account. */
  readonly kubeconfig: string | null;
  /** Where everything is made. */
  readonly namespace: string;
  /** The labels of the machines that the node consists of; empty: all of them. */
  readonly nodeSelector: Readonly<Record<string, string>>;
  /** The class of the Ingresses that are made for routes; null: none are. */
  readonly ingressClass: string | null;
  /** Namespace and name of the Gateway that HTTPRoutes are made for, as `infra/public`; null: none are. */
  readonly gateway: string | null;
  /** Whether the kubeconfig may name programs and files of this machine; they are refused unless it says so. */
  readonly trust?: KubeconfigTrust;
}

/** Where the access of a node is kept. */
export interface ClusterAccesses {
  /** Throws `unreachable` when the node has none. `version` changes with the access. */
  of(nodeId: string): Promise<{ readonly access: ClusterAccess; readonly version: number }>;
  /** The ids of all nodes that are clusters, or parts of one. */
  nodes(): Promise<ReadonlySet<string>>;
}
