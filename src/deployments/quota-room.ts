import { Injectable } from '@nestjs/common';
import { AppConfig } from '../config/app-config';
import type { Held } from '../config/quota-list';
import { together } from '../database/together';
import type { Tx } from '../database/transaction';
import type { Resources } from '../engines/resources';
import { isOnline } from '../nodes/node-status.sql';
import { QuotaLimits } from '../quotas/quota-limits';
import { fitsIn } from '../quotas/refuse-beyond';
import { countHoldings, wholes } from './count-holdings';
import type { LockedDeployment } from './deployments.repository';
import { EACH, REVISIONS, SIZES, type Amounts } from './holdings.sql';
import { limitedHolders, LOCK_AND_READ, READ, type LimitedHolder, type OwnLimits } from './limited-holders';
import { OF_REPLICAS, replicaAmounts } from './quota';

/** What a deployment holds towards the quotas, and what each further replica adds. */
export interface Grant {
  /** What was granted to it: what its wanted replicas need, with the larger of its two revisions while a rollout is open. */
  readonly granted: Partial<Amounts>;
  /** What open reservations hold of it where nodes answer and are not drained. */
  readonly held: Partial<Amounts>;
  /** What one further replica adds. */
  readonly each: Partial<Amounts>;
}

/** A holder with what it holds in all. */
interface Use extends Pick<LimitedHolder, 'kind' | 'name' | 'limits'> {
  readonly used: Partial<Amounts>;
}

/** More replicas, each with these resources. */
interface Wanted {
  readonly count: number;
  readonly resources: Resources;
}

/** How many replicas may be placed now, and, when these are not all, what the others wait for. */
export interface Room {
  readonly count: number;
  readonly words: string | null;
}

/**
 * Says how many replicas may be placed that nobody asks a quota for: those of a rollout beyond the wanted ones, and those that are started
 * beside others that are still leaving. They wait for room. What takes the places of replicas on a node that is drained or does not answer
 * is not asked for, since that is no doing of the user.
 */
@Injectable()
export class QuotaRoom {
  constructor(
    private readonly limits: QuotaLimits,
    private readonly config: AppConfig,
  ) {}

  /**
   * The limits of those in whose quotas a deployment counts. Until the transaction ends, others that ask for something of the same ones
   * wait; so it is to be called before volumes, replicas and nodes are locked. Without `lock`, which is for a preview, nobody waits.
   */
  async hold(
    tx: Tx,
    { userId, projectId }: Pick<LockedDeployment, 'userId' | 'projectId'>,
    { lock }: { readonly lock: boolean } = { lock: true },
  ): Promise<readonly LimitedHolder[]> {
    const ids = [...new Set([userId, projectId])];
    const own = await tx.query<OwnLimits[]>(lock ? LOCK_AND_READ : READ, [ids]);
    const holders = ids.map((id) => ({ kind: id === userId ? 'user' : 'project', id }) as const);
    return limitedHolders(this.limits, { holders, own, asked: OF_REPLICAS });
  }

  /** Whether all of these replicas fit. Holds the limits, as `hold` does. */
  async hasRoom(tx: Tx, deployment: LockedDeployment, wanted: Wanted): Promise<boolean> {
    return (await this.fitting(tx, deployment, wanted, await this.hold(tx, deployment))).words === null;
  }

  /** How many of `count` more replicas of a deployment, each with these resources, there is room for, as of what is recorded now. */
  async fitting(
    tx: Tx,
    { id }: Pick<LockedDeployment, 'id'>,
    { count, resources }: Wanted,
    limited: readonly LimitedHolder[],
  ): Promise<Room> {
    if (limited.length === 0) return { count, words: null };
    const [holdings, [grant]] = await together([
      countHoldings(tx, wholes(limited), { asked: OF_REPLICAS }),
      tx.query<(Omit<Grant, 'each'> & { readonly ports: number })[]>(GRANT, [id, this.config.NODE_OFFLINE_AFTER_SECONDS]),
    ]);
    if (!grant) throw new Error(`Deployment ${id} is gone`);
    const uses = limited.map((holder, place): Use => ({ ...holder, used: holdings[place] ?? {} }));
    return roomFor(count, { ...grant, each: replicaAmounts(1, resources, grant.ports) }, uses);
  }
}

/** How many of `count` replicas fit into the limits of all holders. Pure. */
export function roomFor(count: number, grant: Grant, holders: readonly Use[]): Room {
  const short = (replicas: number): { readonly holder: Use; readonly held: Held } | null => {
    for (const holder of holders) {
      const held = OF_REPLICAS.find(
        (each) => !fitsIn({ limit: holder.limits[each], used: holder.used[each] ?? 0, requested: growth(grant, each, replicas) }),
      );
      if (held) return { holder, held };
    }
    return null;
  };
  for (let fits = count; fits > 0; fits--) if (!short(fits)) return { count: fits, words: fits < count ? words(short(fits + 1)) : null };
  return { count: 0, words: words(short(1)) };
}

/** How much more of something a deployment counts with so many replicas more. */
function growth({ granted, held, each }: Grant, of: Held, replicas: number): number {
  const counted = (more: number): number => Math.max(granted[of] ?? 0, (held[of] ?? 0) + more * (each[of] ?? 0));
  return counted(replicas) - counted(0);
}

/** All members read this, so it does not tell what a user holds in other projects. */
function words(short: { readonly holder: Use; readonly held: Held } | null): string | null {
  if (short === null) return null;
  const { holder, held } = short;
  const whose = holder.kind === 'user' ? 'of the user for whom it counts' : `of project ${holder.name}`;
  const figures = holder.kind === 'user' ? '' : `: it allows ${holder.limits[held]}, and there are ${holder.used[held] ?? 0}`;
  return `Waits for room in the quota ${held} ${whose}${figures}`;
}

const amounts = (of: (size: (typeof SIZES)[number]) => string): string => SIZES.map((size) => `'${size}', ${of(size)}`).join(', ');

/** $1 deployment, $2 seconds of silence after which a node is offline. */
const GRANT = `
  SELECT json_build_object('replicas', d.target_replicas,
                           ${amounts((size) => `d.target_replicas * ${EACH[size]}`)}) AS granted,
         json_build_object('replicas', h.replicas,
                           ${amounts((size) => (size === 'ports' ? `h.replicas * ${EACH.ports}` : `h.${size}`))}) AS held,
         ${EACH.ports} AS ports
    FROM deployments AS d ${REVISIONS}
   CROSS JOIN LATERAL (
         SELECT count(*) AS replicas, coalesce(sum(v.cpu_cores), 0) AS cpu_cores, coalesce(sum(v.memory_mb), 0) AS memory_mb,
                coalesce(sum(v.gpu_units), 0) AS gpu_units, coalesce(sum(v.storage_gb), 0) AS storage_gb
           FROM reservations AS v JOIN nodes AS n ON n.id = v.node_id
          WHERE v.deployment_id = d.id AND v.released_at IS NULL AND NOT n.draining AND ${isOnline('$2')}) AS h
   WHERE d.id = $1`;
