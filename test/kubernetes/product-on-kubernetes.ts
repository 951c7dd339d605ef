import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import type { DataSource } from 'typeorm';
import { ClusterClient } from '../../src/runtime/kubernetes/cluster-client';
import { ClusterObjects } from '../../src/runtime/kubernetes/cluster-objects';
import { freshInstallationId } from '../engine/product-on-docker';
import type { Client } from '../support/client';
import type { Configuration } from '@kubernetes/client-node';
import { Installation } from '../support/installation';
import { adminOf, type Environment, type ProcessUnderTest } from '../support/process-under-test';
import { until } from '../support/until';
import { CLUSTER_IMAGE, kubeconfig, REAL_MACHINES, STARTS_SOON_CORES } from './cluster-under-test';

const ROLE_FILE = join(__dirname, '../../deploy/kubernetes/namespace-and-role.yaml');

/** A deploy body for the test cluster: small, and ended by SIGTERM. */
export const onKubernetes = (more: Record<string, unknown> = {}): Record<string, unknown> => ({
  container_image: CLUSTER_IMAGE,
  command: ['sh', '-c', `trap 'exit 0' TERM; while :; do sleep 0.1; done`],
  resources: { cpu: STARTS_SOON_CORES, memory: 16, storage: 1 },
  ...more,
});

/** How many objects of each kind are in a namespace. */
export interface Left {
  readonly jobs: number;
  readonly pods: number;
  readonly secrets: number;
  readonly services: number;
  readonly policies: number;
  readonly ingresses: number;
  readonly budgets: number;
  readonly httpRoutes: number;
  readonly claims: number;
}

export const NOTHING_LEFT: Left = {
  jobs: 0,
  pods: 0,
  secrets: 0,
  services: 0,
  policies: 0,
  ingresses: 0,
  budgets: 0,
  httpRoutes: 0,
  claims: 0,
};

interface StartOptions {
  /** Puts something between the product and the cluster: gives another kubeconfig of the same account. */
  readonly through?: (kubeconfig: string) => string;
  /** The labels of the machines that the node consists of; of those that run something unless told. */
  readonly machines?: Readonly<Record<string, string>>;
  /** Another installation, whose namespace and account this one uses, too. */
  readonly beside?: ProductOnKubernetes;
  /** Runs the product as a Pod does: with its token and the authority of the cluster where clusters mount them. */
  readonly inCluster?: boolean;
}

interface NodeView {
  readonly status: string;
  readonly last_error: string | null;
  readonly cpu_cores: number;
  readonly memory_mb: number;
  readonly namespace: string;
}

/** The product with a cluster as its node, reached with exactly the rights of deploy/kubernetes. */
export class ProductOnKubernetes {
  private constructor(
    readonly cluster: ClusterClient,
    private readonly account: string,
    private readonly installation: Installation,
    readonly installationId: string,
    private readonly begin: () => Promise<ProcessUnderTest>,
    private process: ProcessUnderTest,
    public client: Client,
    readonly nodeId: string,
    private readonly isGuest: boolean,
  ) {}

  static async start(
    more: Environment = {},
    { through, machines = REAL_MACHINES, beside, inCluster = false }: StartOptions = {},
  ): Promise<ProductOnKubernetes> {
    const namespace = beside?.cluster.access.namespace ?? `fog-test-${randomUUID().slice(0, 8)}`;
    const cluster = await ClusterClient.of({ kubeconfig: kubeconfig(), namespace, nodeSelector: {}, ingressClass: null, gateway: null });
    const account = beside?.account ?? (await accountIn(cluster));
    const config = inCluster ? 'in-cluster' : (through?.(account) ?? account);
    const installation = await Installation.create();
    const installationId = await freshInstallationId(installation.dataSource);
    const environment: Environment = {
      ...{ RUNTIME: 'kubernetes', MIN_CPU_CORES: '0.01', MIN_MEMORY_MB: '16', NODE_SYNC_SECONDS: '2', STOP_GRACE_SECONDS: '2' },
      ...{ KUBERNETES_UNSCHEDULABLE_SECONDS: '4', ...more },
    };
    const mounted = inCluster ? asInPod(account) : null;
    const begin = (): Promise<ProcessUnderTest> =>
      installation.start({ ...environment, ...mounted?.environment }, mounted ? { shell: mounted.shell } : {});
    const process = await begin();
    const client = await adminOf(process);
    const body = { name: 'cluster', region: 'us-east', runtime: 'kubernetes', kubeconfig: config, namespace, node_selector: machines };
    const answer = await client.post('/api/nodes', body);
    if (answer.status !== 201) throw new Error(`The registration answered ${String(answer.status)}: ${JSON.stringify(answer.body)}`);
    const { id } = answer.body as { id: string };
    const isGuest = beside !== undefined;
    const product = new ProductOnKubernetes(cluster, account, installation, installationId, begin, process, client, id, isGuest);
    try {
      await until(async () => (await product.node()).status !== 'offline', { timeoutMs: 30_000, what: 'the node to be online' });
      return product;
    } catch (error) {
      const { last_error: why } = await product.node();
      await product.close();
      throw new Error(`The node is not online: ${String(why)}`, { cause: error });
    }
  }

  get dataSource(): DataSource {
    return this.installation.dataSource;
  }

  /** The process id of the product. */
  get pid(): number {
    return this.process.pid;
  }

  async node(id = this.nodeId): Promise<NodeView> {
    return (await this.client.get(`/api/nodes/${id}`)).body as NodeView;
  }

  /** Kills the process without notice and starts another one. */
  async crash(): Promise<void> {
    await this.process.kill('SIGKILL');
    this.process = await this.begin();
    this.client = await adminOf(this.process);
  }

  async left(): Promise<Left> {
    const { namespace } = this.cluster.access;
    const { batch, core } = this.cluster;
    const networking = this.api('NetworkingV1Api');
    const [jobs = 0, pods = 0, secrets = 0, services = 0, policies = 0, ingresses = 0, budgets = 0] = (
      await Promise.all([
        ...[batch.listNamespacedJob({ namespace }), core.listNamespacedPod({ namespace }), core.listNamespacedSecret({ namespace })],
        ...[core.listNamespacedService({ namespace }), networking.listNamespacedNetworkPolicy({ namespace })],
        ...[networking.listNamespacedIngress({ namespace }), this.api('PolicyV1Api').listNamespacedPodDisruptionBudget({ namespace })],
      ])
    ).map(({ items }) => items.length);
    const objects = new ClusterObjects(this.cluster, new AbortController().signal, 'look');
    const [httpRoutes = 0, claims = 0] = await Promise.all(
      (['HTTPRoute', 'PersistentVolumeClaim'] as const).map(async (kind) => (await objects.list(kind, '')).length),
    );
    return { jobs, pods, secrets, services, policies, ingresses, budgets, httpRoutes, claims };
  }

  /** Changes an object of the cluster as `kubectl patch --type merge` does. */
  async patch(path: string, body: object): Promise<void> {
    const { server } = this.cluster.config.getCurrentCluster()!;
    const options: { ca?: string | Buffer; headers?: Record<string, string> } = {};
    await this.cluster.config.applyToHTTPSOptions(options);
    const headers = { ...options.headers, 'Content-Type': 'application/merge-patch+json' };
    const status = await new Promise((resolve, reject) => {
      request(`${server}${path}`, { method: 'PATCH', headers, ca: options.ca }, (answer) => resolve(answer.resume().statusCode))
        .on('error', reject)
        .end(JSON.stringify(body));
    });
    if (status !== 200) throw new Error(`PATCH ${path} answered ${String(status)}`);
  }

  async close(): Promise<void> {
    await this.installation.close();
    if (this.isGuest) return this.cluster.close();
    const { namespace } = this.cluster.access;
    // A test may have deleted it before.
    await this.cluster.core.deleteNamespace({ name: namespace }).catch(() => undefined);
    for (const remove of ['deleteClusterRole', 'deleteClusterRoleBinding'] as const) {
      await this.api('RbacAuthorizationV1Api')[remove]({ name: namespace });
    }
    this.cluster.close();
  }

  /** An interface of the cluster, with all rights. */
  api<K extends 'RbacAuthorizationV1Api' | 'NetworkingV1Api' | 'PolicyV1Api' | 'DiscoveryV1Api'>(
    name: K,
  ): InstanceType<ClusterClient['library'][K]> {
    const { config, library } = this.cluster;
    return config.makeApiClient(library[name] as new (configuration: Configuration) => InstanceType<ClusterClient['library'][K]>);
  }
}

/** The environment and the files of a Pod whose account this is. The files are in a mount namespace that ends with the process. */
function asInPod(account: string): { readonly environment: Environment; readonly shell: string } {
  const { clusters, users } = JSON.parse(account) as Account;
  const { hostname, port } = new URL(clusters[0].cluster.server);
  const folder = '/run/secrets/kubernetes.io/serviceaccount';
  const mount = [
    'mount -t tmpfs fog-test /run',
    `mkdir -p ${folder}`,
    `printf %s ${users[0].user.token} > ${folder}/token`,
    `echo ${clusters[0].cluster['certificate-authority-data']} | base64 -d > ${folder}/ca.crt`,
    'exec "$@"',
  ];
  return {
    environment: { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port },
    shell: `set -- unshare --mount sh -c '${mount.join(' && ')}' sh "$@"`,
  };
}

interface Account {
  readonly clusters: readonly [{ readonly cluster: { readonly server: string; readonly 'certificate-authority-data': string } }];
  readonly users: readonly [{ readonly user: { readonly token: string } }];
}

/** Applies the file of the role to a namespace of its own, and gives a kubeconfig of its account. */
async function accountIn(cluster: ClusterClient): Promise<string> {
  const { library, config } = cluster;
  const { namespace } = cluster.access;
  const objects = library.loadAllYaml(readFileSync(ROLE_FILE, 'utf8').replaceAll('fog-compute', namespace));
  const api = library.KubernetesObjectApi.makeApiClient(config);
  for (const object of objects) await api.create(object);
  return kubeconfigOf(cluster, namespace);
}

/** A kubeconfig of an account in the namespace. */
export async function kubeconfigOf({ core, config, access: { namespace } }: ClusterClient, name: string): Promise<string> {
  const body = { spec: { audiences: [], expirationSeconds: 3_600 } };
  const token = await core.createNamespacedServiceAccountToken({ name, namespace, body });
  const { server, caData } = config.getCurrentCluster()!;
  return JSON.stringify({
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'test' },
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'account' } }],
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority-data': caData } }],
    users: [{ name: 'account', user: { token: token.status?.token } }],
  });
}
