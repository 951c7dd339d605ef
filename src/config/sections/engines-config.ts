import { IsBoolean, IsIP, IsIn, IsOptional, IsString, Matches } from 'class-validator';
import { Flag, whole } from '../variables';

export const RUNTIME_CHOICES = ['auto', 'docker', 'kubernetes', 'agent', 'simulated'] as const;

const REGISTRY = String.raw`(?:\*|(?:\*\.)?[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?|\[[a-f0-9:]+\](?::[0-9]{1,5})?)(?:/[a-z0-9][a-z0-9._/-]*)?`;
const REGISTRIES = new RegExp(`^${REGISTRY}(?:\\s*,\\s*${REGISTRY})*$`, 'i');

/** What runs containers, and how its nodes are watched. */
export class EnginesConfig {
  @IsIn(RUNTIME_CHOICES)
  readonly RUNTIME: (typeof RUNTIME_CHOICES)[number] = 'auto';

  /** The address of the engine, as Docker writes it: `unix:///…` or `tcp://host:2376`. */
  @IsOptional()
  @IsString()
  readonly DOCKER_HOST?: string;

  /** A folder with ca.pem, cert.pem and key.pem for engines reached over TLS; a sub-folder named after a node goes first. */
  @IsOptional()
  @IsString()
  readonly DOCKER_CERT_PATH?: string;

  /** The region that the local engine registers itself in. */
  @IsString()
  readonly NODE_REGION: string = 'us-east';

  /** The address of the node on which the ports of its containers are published. */
  @IsIP(undefined, { message: 'PUBLISH_ADDRESS must be an IP address, such as 127.0.0.1 or 0.0.0.0' })
  readonly PUBLISH_ADDRESS: string = '127.0.0.1';

  /** The registries that engines may be sent to; `none` closes all. What images are on an engine already may run anyhow. */
  @Matches(REGISTRIES, {
    message: 'ALLOWED_REGISTRIES must be none, or host[:port][/path], *.domain or * separated by commas, such as docker.io,ghcr.io/acme',
  })
  readonly ALLOWED_REGISTRIES: string =
    'docker.io,ghcr.io,quay.io,gcr.io,registry.k8s.io,public.ecr.aws,mcr.microsoft.com,registry.gitlab.com,nvcr.io';

  /**
   * Lets the kubeconfigs that administrators register name programs that make tokens, and files. They are run and read by this process, so
   * every administrator of fog-compute has the rights of its account on this machine then.
   */
  @Flag()
  @IsBoolean()
  readonly KUBECONFIG_EXEC_AND_FILES: boolean = false;

  /** The resource of a Kubernetes cluster that stands for one GPU. */
  @Matches(/^[a-z0-9.-]+\/[A-Za-z0-9._-]+$/, { message: 'KUBERNETES_GPU_RESOURCE must look like nvidia.com/gpu' })
  readonly KUBERNETES_GPU_RESOURCE: string = 'nvidia.com/gpu';

  /** For so long a cluster may be without a machine for a replica; then the replica is placed on another node. */
  @whole(1, 3_600)
  readonly KUBERNETES_UNSCHEDULABLE_SECONDS: number = 60;

  /**
   * Comma-separated CIDR ranges from where routers outside of a cluster reach its Pods. Routers that are Pods of the cluster need not be
   * named, unless they use the network of their machine.
   */
  @IsString()
  readonly KUBERNETES_ROUTER_NETWORKS: string = '';

  @whole(5, 3_600)
  readonly IMAGE_PULL_TIMEOUT_SECONDS: number = 600;

  /** A pull that makes no progress for so long is given up. */
  @whole(1, 3_600)
  readonly IMAGE_PULL_STALL_SECONDS: number = 30;

  /** How many pulls all workers together run at a time on one engine, */
  @whole(1, 100)
  readonly IMAGE_PULLS_PER_NODE: number = 4;

  /** and how many of them for one user. */
  @whole(1, 100)
  readonly IMAGE_PULLS_PER_USER: number = 2;

  /** The largest image, unpacked. */
  @whole(1, 10_485_760)
  readonly IMAGE_MAX_SIZE_MB: number = 20_480;

  /** How long an image that was pulled stays on an engine after its last use; 0: for ever. */
  @whole(0, 87_600)
  readonly IMAGE_KEEP_HOURS: number = 168;

  @whole(0, 60_000)
  readonly SIMULATED_DELAY_MS: number = 400;

  /**
   * A node that has not answered for this long is offline. Must be longer than the lease of a job plus a sync, the time
   * that the death of a worker can cost.
   */
  @whole(2, 3_600)
  readonly NODE_OFFLINE_AFTER_SECONDS: number = 30;

  /** The replicas of a node that has not answered for so long are replaced on other nodes; 0: never. Nodes may have their own. */
  @whole(0, 604_800)
  readonly NODE_LOST_AFTER_SECONDS: number = 300;

  @whole(1, 600)
  readonly NODE_SYNC_SECONDS: number = 5;

  /** How long a deployment is not healthy, or healthy again, before that becomes an event. */
  @whole(0, 3_600)
  readonly HEALTH_EVENT_DELAY_SECONDS: number = 10;

  /** How many deployments one worker process reconciles at a time, besides those that only wait for an engine. */
  @whole(1, 200)
  readonly WORKER_CONCURRENCY: number = 32;

  /**
   * How long a deployment that has never run waits for what passes by itself (room that is being released, nodes that do not
   * answer, engines that fail) before it becomes `failed`.
   */
  @whole(0, 86_400)
  readonly START_DEADLINE_SECONDS: number = 300;

  /** How many of the last lines of a failed replica are kept; 0: none. They take at most 16 kB. */
  @whole(0, 1_000)
  readonly KEPT_LOG_LINES: number = 50;

  /** Seconds between SIGTERM and SIGKILL of a container that is stopped. */
  @whole(0, 300)
  readonly STOP_GRACE_SECONDS: number = 10;
}
