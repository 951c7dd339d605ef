import type { Resources } from './resources';

export interface PortSpec {
  readonly containerPort: number;
  readonly protocol: 'tcp' | 'udp';
}

/** How often a container is checked, and how many failures in a row make it unhealthy. */
export interface CheckTimes {
  readonly intervalSeconds: number;
  readonly timeoutSeconds: number;
  readonly retries: number;
  /** Failures so soon after the start do not count, until the first success. */
  readonly startPeriodSeconds: number;
}

/** Run inside the container; exit code 0 means healthy. */
export interface CommandCheck extends CheckTimes {
  readonly command: readonly string[];
}

/** A GET of the path at a tcp port of the container; a status within `expectStatus`, bounds included, means healthy. */
export interface HttpCheck extends CheckTimes {
  readonly http: { readonly port: number; readonly path: string; readonly expectStatus: { readonly from: number; readonly to: number } };
}

/** A connection to a tcp port of the container that is accepted, and not closed at once, means healthy. */
export interface TcpCheck extends CheckTimes {
  readonly tcp: { readonly port: number };
}

/** A check that is made from outside, at a published port. */
export type NetworkCheck = HttpCheck | TcpCheck;
export type HealthCheckSpec = CommandCheck | NetworkCheck;

/** The port of the container that a check needs; null for a command. */
export function checkedPort(check: HealthCheckSpec): number | null {
  if ('http' in check) return check.http.port;
  return 'tcp' in check ? check.tcp.port : null;
}

/**
 * What follows when a container ends by itself. `always`: a successor. `on_failure`: one if it ended with another exit code than 0.
 * `never`: none, once it has run.
 */
export const RESTART_POLICIES = ['always', 'on_failure', 'never'] as const;
export type RestartPolicy = (typeof RESTART_POLICIES)[number];

/** A volume of the project, and where a container finds it. */
export interface VolumeMount {
  /** Unique in its project. */
  readonly name: string;
  /** Absolute, in its shortest spelling. */
  readonly path: string;
  readonly sizeGb: number;
  readonly readOnly: boolean;
}

/** Whether a container may write to any of its volumes. */
export const writesVolumes = ({ volumes = [] }: Pick<ContainerSpec, 'volumes'>): boolean => volumes.some(({ readOnly }) => !readOnly);

/**
 * What a container is made of: the same for all replicas of a revision, and the whole content of a revision. A closed type:
 * there is no way to ask for privileges. The values of `env` are secrets.
 */
export interface ContainerSpec {
  readonly image: string;
  /** Null means the image's own command. */
  readonly command: readonly string[] | null;
  readonly env: Readonly<Record<string, string>>;
  /** Variables that get the value of a secret of the project, by its name. Revisions of before this member have none. */
  readonly secretEnv?: Readonly<Record<string, string>>;
  /** The resources of each replica. */
  readonly resources: Resources;
  readonly ports: readonly PortSpec[];
  readonly healthCheck: HealthCheckSpec | null;
  /** The container may write to a small `/tmp` only. Revisions of before this member have none, which means false. */
  readonly readOnlyRoot?: boolean;
  /** Older revisions do not have it, which means `always`. */
  readonly restart?: RestartPolicy;
  /** Absent, and never empty, where it has none. */
  readonly volumes?: readonly VolumeMount[];
}
