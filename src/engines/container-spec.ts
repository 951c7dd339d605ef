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
 * What a container is made of: the same for all replicas of a revision, and all that a revision is. Closed: there is no way
 * to ask for privileges. The values of `env` are secrets.
 */
export interface ContainerSpec {
  readonly image: string;
  /** Null: the image's own command. */
  readonly command: readonly string[] | null;
  readonly env: Readonly<Record<string, string>>;
  /** What each replica gets. */
  readonly resources: Resources;
  readonly ports: readonly PortSpec[];
  readonly healthCheck: HealthCheckSpec | null;
}
