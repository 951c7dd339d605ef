import type { Resources } from './resources';

export interface PortSpec {
  readonly containerPort: number;
  readonly protocol: 'tcp' | 'udp';
}

export interface HealthCheckSpec {
  /** Run inside the container; exit code 0 means healthy. */
  readonly command: readonly string[];
  readonly intervalSeconds: number;
  readonly timeoutSeconds: number;
  readonly retries: number;
  readonly startPeriodSeconds: number;
}

/**
 * What a container is made of: the same for all replicas of a revision, and the whole content of a revision. A closed type:
 * there is no way to ask for privileges. The values of `env` are secrets.
 */
export interface ContainerSpec {
  readonly image: string;
  /** Null means the image's own command. */
  readonly command: readonly string[] | null;
  readonly env: Readonly<Record<string, string>>;
  /** The resources of each replica. */
  readonly resources: Resources;
  readonly ports: readonly PortSpec[];
  readonly healthCheck: HealthCheckSpec | null;
}
