import { HELD, type Held } from '../config/quota-list';

/** How much of everything that quotas count. */
export type Amounts = Readonly<Record<Held, number>>;

/** Everything of all of them. */
export const sumOf = (all: readonly Partial<Amounts>[]): Amounts => {
  const sum = Object.fromEntries(HELD.map((held) => [held, 0])) as Record<Held, number>;
  for (const each of all) for (const held of HELD) sum[held] += each[held] ?? 0;
  return sum;
};

/** What is held, with what a refusal says of it. */
export interface Holdings extends Amounts {
  /** Replicas of deleted deployments whose containers are not gone yet; `warm` are those of them that are kept for a restore. */
  readonly leaving: number;
  readonly warm: number;
  /** Replicas of live deployments beyond the wanted ones: those of a rollout, and those that are not gone yet. */
  readonly extra: number;
  readonly nextPurgeAt: Date | null;
}

/** What is counted. */
interface Counted {
  /** Which deployments: a condition on `deployments AS d`. */
  readonly where: string;
  /** Which secrets: a condition on `project_secrets AS k`; absent: none. */
  readonly secrets?: string;
  /** Which volumes: a condition on `volumes AS w`; absent: none. */
  readonly volumes?: string;
  /** Whether resources are counted too, and not numbers only. */
  readonly sizes: boolean;
  /** False: reservations are not counted, as neither replicas nor resources are asked for. */
  readonly reserved?: boolean;
  /** The parameter with a deleted deployment that does not count; absent: there is none. */
  readonly except?: string;
}

const RESOURCES = ['cpu_cores', 'memory_mb', 'gpu_units', 'storage_gb'] as const satisfies readonly Held[];
/** What each replica adds to. */
export const SIZES = [...RESOURCES, 'ports'] as const satisfies readonly Held[];

/**
 * A SELECT of one `Holdings`. A live deployment counts the replicas that are wanted of it, whether they run or not, so that what
 * was once granted can always be started again; where its open reservations hold more than that, as while a rollout has replicas
 * beyond the wanted ones or some are not gone yet, it counts these. So nobody ever counts for less than what is reserved. While a
 * rollout is open each wanted replica counts the larger of its two revisions, so that neither way out of it needs a quota. A
 * deleted deployment counts what is still reserved for it. Volumes count, and their sizes as storage, whether anything mounts them
 * or not.
 */
export const holdingsOf = ({ where, secrets, volumes, sizes, reserved = true, except }: Counted): string => `
  SELECT c.deployments, s.replicas + g.replicas AS replicas, c.kept_deployments,
         c.stored_bytes + ${secrets === undefined ? '0' : bytesOf(secrets)} AS stored_bytes,
         ${SIZES.map(sumOfSize).join(', ')}, y.volumes,
         g.replicas AS leaving, g.warm, s.extra, c."nextPurgeAt"
    FROM (SELECT count(*) FILTER (WHERE d.deleted_at IS NULL)::int AS deployments,
                 count(*) FILTER (WHERE d.deleted_at IS NOT NULL)::int AS kept_deployments,
                 coalesce(sum(d.stored_bytes), 0)::float8 AS stored_bytes, min(d.purge_at) AS "nextPurgeAt"
            FROM deployments AS d WHERE ${where}) AS c
   CROSS JOIN (${liveOf(where, { sizes, reserved })}) AS s
   CROSS JOIN (${volumes === undefined ? 'SELECT 0 AS volumes, 0 AS gb' : volumesOf(volumes)}) AS y
   CROSS JOIN (${reserved ? leavingOf(where, except) : NOTHING_LEAVES}) AS g`;

const NOTHING_LEAVES = `SELECT 0 AS replicas, ${SIZES.map((size) => `0 AS ${size}`).join(', ')}, 0 AS warm`;

/** What is still reserved for deleted deployments. */
const leavingOf = (where: string, except: string | undefined): string => `
     SELECT count(*)::int AS replicas, coalesce(sum(v.cpu_cores), 0) AS cpu_cores,
            coalesce(sum(v.memory_mb), 0) AS memory_mb, coalesce(sum(v.gpu_units), 0) AS gpu_units,
            coalesce(sum(v.storage_gb), 0) AS storage_gb, coalesce(sum(r.ports), 0) AS ports,
            count(*) FILTER (WHERE e.warm_until IS NOT NULL AND e.status = 'stopping')::int AS warm
       FROM deployments AS d
       JOIN reservations AS v ON v.deployment_id = d.id AND v.released_at IS NULL
       JOIN deployment_replicas AS e ON e.id = v.replica_id
       JOIN deployment_resources AS r ON r.deployment_id = d.id
      WHERE ${where} AND d.deleted_at IS NOT NULL${except === undefined ? '' : ` AND d.id IS DISTINCT FROM ${except}::uuid`}
        AND d.id IN (SELECT x.deployment_id FROM deletions AS x WHERE x.completed_at IS NULL)`;

/** One that is being removed counts until its engine has confirmed that it is gone. */
const volumesOf = (volumes: string): string => `
     SELECT count(*)::int AS volumes, coalesce(sum(w.size_gb), 0)::float8 AS gb FROM volumes AS w WHERE ${volumes}`;

const sumOfSize = (size: (typeof SIZES)[number]): string =>
  `(s.${size} + g.${size}${size === 'storage_gb' ? ' + y.gb' : ''})::float8 AS ${size}`;

const bytesOf = (secrets: string): string => `(
           SELECT coalesce(sum(k.bytes), 0)::float8 FROM project_secrets AS k WHERE ${secrets})`;

/** What live deployments want or hold: their replicas, and what these need. */
const liveOf = (where: string, { sizes, reserved }: { readonly sizes: boolean; readonly reserved: boolean }): string => `
     SELECT coalesce(sum(${reserved ? 'greatest(d.target_replicas, h.replicas)' : 'd.target_replicas'}), 0)::int AS replicas,
            ${reserved ? 'coalesce(sum(greatest(h.replicas - d.target_replicas, 0)), 0)::int' : '0'} AS extra,
            ${SIZES.map((size) => (sizes ? sumOfLive(size) : `0 AS ${size}`)).join(`,
            `)}
       FROM deployments AS d${reserved ? reservedOf(where, sizes) : ''}${sizes ? REVISIONS : ''}
      WHERE ${where} AND d.deleted_at IS NULL`;

/** What open reservations hold for each deployment that has some. */
const reservedOf = (where: string, sizes: boolean): string => `
       LEFT JOIN (
         SELECT v.deployment_id, count(*) AS replicas${sizes ? RESERVED_SIZES : ''}
           FROM deployments AS d JOIN reservations AS v ON v.deployment_id = d.id AND v.released_at IS NULL
          WHERE ${where} AND d.deleted_at IS NULL GROUP BY v.deployment_id) AS h ON h.deployment_id = d.id`;

const RESERVED_SIZES = RESOURCES.map((size) => `, sum(v.${size}) AS ${size}`).join('');

/** The resources `r` of the current revision of a deployment `d`, and the revision `n` that is being rolled out. */
export const REVISIONS = `
       JOIN deployment_resources AS r ON r.deployment_id = d.id
       LEFT JOIN deployment_rollouts AS o ON o.deployment_id = d.id AND o.number = d.open_rollout
       LEFT JOIN deployment_revisions AS n ON n.deployment_id = o.deployment_id AND n.number = o.revision`;

/** What each wanted replica counts: the larger of the two `REVISIONS`. */
export const EACH: Readonly<Record<(typeof SIZES)[number], string>> = {
  cpu_cores: `greatest(r.cpu_cores, (n.spec->'resources'->>'cpuCores')::numeric)`,
  memory_mb: `greatest(r.memory_mb, (n.spec->'resources'->>'memoryMb')::int)`,
  gpu_units: `greatest(r.gpu_units, (n.spec->'resources'->>'gpuUnits')::int)`,
  storage_gb: `greatest(r.storage_gb, (n.spec->'resources'->>'storageGb')::int)`,
  ports: `greatest(r.ports, jsonb_array_length(n.spec->'ports'))`,
};

/** Replicas beyond the wanted ones count the ports of the revisions of now. */
const sumOfLive = (size: (typeof SIZES)[number]): string =>
  size === 'ports'
    ? `coalesce(sum(greatest(d.target_replicas, h.replicas) * ${EACH.ports}), 0) AS ports`
    : `coalesce(sum(greatest(d.target_replicas * ${EACH[size]}, h.${size})), 0) AS ${size}`;
