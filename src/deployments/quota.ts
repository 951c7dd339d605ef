import { Injectable } from '@nestjs/common';
import { HELD, type Held } from '../config/quota-list';
import { together } from '../database/together';
import type { Tx } from '../database/transaction';
import type { Resources } from '../engines/resources';
import { mayKnow, type Asker } from '../quotas/asker';
import { QuotaLimits } from '../quotas/quota-limits';
import { refuseBeyond } from '../quotas/refuse-beyond';
import { countHoldings, countsOf, parts, wholes, type GrowingPart } from './count-holdings';
import { holdingsOf, SIZES, type Amounts, type Holdings } from './holdings.sql';
import { limitedHolders, LOCK, LOCK_AND_READ, READ, type Holder, type LimitedHolder, type OwnLimits } from './limited-holders';

/** In whose quotas something counts. A personal project has none besides that of its user. */
interface Holders {
  /** Null: it counts there already. */
  readonly userId: string | null;
  readonly projectId: string;
  /** A refusal tells the figures of a user to that user, and to administrators. */
  readonly asker: Asker;
}

interface ManyHolders extends Omit<Holders, 'userId'> {
  readonly userIds: readonly string[];
}

/** What changes several deployments, or a secret that the asker sets. */
export interface Growing extends GrowingPart {
  readonly deployments: readonly { readonly id: string; readonly userId: string }[];
  readonly asker: Asker;
  /** What the change may make larger. Absent: anything. */
  readonly asked?: readonly Held[];
  /** The own limits of those in whose quotas it counts, where the caller has read them. Absent: they are looked at. */
  readonly own?: readonly OwnLimits[];
}

export interface QuotaDemand extends Holders {
  /** What is added; what is absent is not. */
  readonly amounts: Partial<Amounts>;
  /** The deleted deployment that is restored: what is still reserved for it is replaced by what is added. */
  readonly restored?: string;
}

/** What is held while several demands are weighed. */
export interface QuotaTally {
  /** Throws `quota_exceeded` for a demand beyond a limit. */
  require(amounts: Partial<Amounts>): void;
  /** From now on this counts as held. */
  add(amounts: Partial<Amounts>): void;
}

const NO_LIMITS: QuotaTally = { require: () => undefined, add: () => undefined };

interface AskedHolder extends LimitedHolder {
  /** Whether the asker may not know what is held. */
  readonly isSecret: boolean;
}

interface Look extends Pick<Growing, 'own'> {
  readonly asked: readonly Held[];
  /** Whether others that ask for the same ones wait. */
  readonly lock: boolean;
  readonly count: (limited: readonly AskedHolder[]) => Promise<Holdings[]>;
}

/** Limits how much a user and a project may hold. Until a transaction ends, others that ask for something of the same ones wait. */
@Injectable()
export class Quota {
  constructor(private readonly limits: QuotaLimits) {}

  /** Throws `quota_exceeded` when the demand would go beyond a limit. Two at once cannot both take what is left. */
  async require(tx: Tx, demand: QuotaDemand): Promise<void> {
    (await this.tally(tx, demand, { lock: true })).require(demand.amounts);
  }

  /** Throws what `require` would throw now, without a lock, for a preview. */
  async check(tx: Tx, demand: QuotaDemand): Promise<void> {
    (await this.tally(tx, demand, { lock: false })).require(demand.amounts);
  }

  /**
   * What is held now, for several demands that are weighed one after the other; `all` is their sum. Without `lock`, which is for a
   * preview, nobody waits.
   */
  async tally(tx: Tx, all: QuotaDemand, { lock }: { readonly lock: boolean }): Promise<QuotaTally> {
    const asked = HELD.filter((held) => (all.amounts[held] ?? 0) > 0);
    const { userId, projectId, asker } = all;
    const holders = { userIds: userId === null ? [] : [userId], projectId, asker };
    const count = (limited: readonly AskedHolder[]): Promise<Holdings[]> =>
      countHoldings(tx, wholes(limited), { asked, restored: all.restored });
    const { limited, counted } = await this.limitedAndCounted(tx, holders, { asked, lock, count });
    if (limited.length === 0) return NO_LIMITS;
    let now = counted;
    return {
      require: (amounts) => weigh(limited, now, amounts),
      add: (amounts) => {
        now = now.map((held) => plus(held, amounts));
      },
    };
  }

  /**
   * Does what changes one deployment, and throws `quota_exceeded` when it has grown beyond a limit; the transaction is then to be rolled
   * back. What the deployment holds is counted before and after, so the work need not know what it adds.
   */
  growing<T>(tx: Tx, { deployment, ...growing }: GrowingOne, work: () => Promise<T>): Promise<T> {
    return this.growingOf(tx, { ...growing, projectId: deployment.projectId, deployments: [deployment] }, work);
  }

  /** The same for what changes several deployments, which the caller has locked, or a secret. What others do meanwhile does not count. */
  async growingOf<T>(tx: Tx, growing: Growing, work: () => Promise<T>): Promise<T> {
    const { projectId, deployments, secret, asker, own, asked = HELD } = growing;
    const userIds = [...deployments.map(({ userId }) => userId), ...(secret === undefined ? [] : [asker.userId])];
    const count = (those: readonly AskedHolder[]): Promise<Holdings[]> =>
      countHoldings(tx, [...wholes(those), ...parts(those)], { asked, growing });
    const { limited, counted } = await this.limitedAndCounted(tx, { userIds, projectId, asker }, { asked, own, lock: true, count });
    if (limited.length === 0) return work();
    const [held, before] = [counted.slice(0, limited.length), counted.slice(limited.length)];
    const done = await work();
    const after = await countHoldings(tx, parts(limited), { asked, growing });
    for (const [index, holder] of limited.entries()) weigh([holder], held.slice(index, index + 1), growth(before[index], after[index]));
    return done;
  }

  /** What one deployment holds now. */
  async amountsOf(tx: Tx, deploymentId: string): Promise<Partial<Amounts>> {
    const [held] = await tx.query<Holdings[]>(AMOUNTS, [deploymentId]);
    return held ? Object.fromEntries(HELD.map((each) => [each, held[each]])) : {};
  }

  /**
   * Those whose limits the demand may reach, and what they hold; where nothing is limited it is one look at their own limits. Most have
   * the configured limits, so what these need is counted right behind the lock. Only who has others waits for a second count.
   */
  private async limitedAndCounted(
    tx: Tx,
    { userIds, projectId, asker }: ManyHolders,
    { asked, own: known, lock, count }: Look,
  ): Promise<{ readonly limited: readonly AskedHolder[]; readonly counted: readonly Holdings[] }> {
    if (asked.length === 0) return { limited: [], counted: [] };
    const users = [...new Set(userIds)].map((id): Holder => ({ kind: 'user', id }));
    const holders: readonly Holder[] = userIds.includes(projectId) ? users : [...users, { kind: 'project', id: projectId }];
    const limitedBy = (own: readonly OwnLimits[]): AskedHolder[] => this.limitedBy(own, holders, { asked, asker });
    const ids = holders.map(({ id }) => id);
    const expected = limitedBy([]);
    if (expected.length === 0) {
      const limited = limitedBy(known ?? (await tx.query<OwnLimits[]>(READ, [ids])));
      if (limited.length === 0) return { limited, counted: [] };
      const [, counted] = await together([lock ? tx.query(LOCK, [ids]) : Promise.resolve(), count(limited)]);
      return { limited, counted };
    }
    const [own, early] = await together([tx.query<OwnLimits[]>(lock ? LOCK_AND_READ : READ, [ids]), count(expected)]);
    const limited = limitedBy(own);
    if (limited.length === 0) return { limited, counted: [] };
    return { limited, counted: countsOf(expected, asked) === countsOf(limited, asked) ? early : await count(limited) };
  }

  private limitedBy(
    own: readonly OwnLimits[],
    holders: readonly Holder[],
    { asked, asker }: { readonly asked: readonly Held[]; readonly asker: Asker },
  ): AskedHolder[] {
    const limited = limitedHolders(this.limits, { holders, own, asked });
    return limited.map((holder) => ({ ...holder, isSecret: holder.kind === 'user' && !mayKnow(asker, holder.id) }));
  }
}

interface GrowingOne extends Pick<Growing, 'asker' | 'asked' | 'own'> {
  readonly deployment: Growing['deployments'][number] & { readonly projectId: string };
}

/** What more replicas make larger. */
export const OF_REPLICAS: readonly Held[] = ['replicas', ...SIZES];

/** What so many replicas of a deployment need, besides the deployment itself. */
export const replicaAmounts = (replicas: number, resources: Resources, ports: number): Partial<Amounts> => ({
  replicas,
  cpu_cores: replicas * resources.cpuCores,
  memory_mb: replicas * resources.memoryMb,
  gpu_units: replicas * resources.gpuUnits,
  storage_gb: replicas * resources.storageGb,
  ports: replicas * ports,
});

function weigh(limited: readonly AskedHolder[], holdingsOfEach: readonly Holdings[], amounts: Partial<Amounts>): void {
  for (const [index, { kind, name, limits, isSecret }] of limited.entries()) {
    const now = holdingsOfEach[index];
    if (!now) continue;
    for (const quota of HELD) {
      const use = { quota, limit: limits[quota], used: now[quota], requested: amounts[quota] ?? 0, isSecret, ...words(quota, now) };
      refuseBeyond(kind === 'project' ? { ...use, project: name } : use);
    }
  }
}

function words(quota: Held, { warm, leaving, extra, nextPurgeAt }: Holdings): { readonly what: string; readonly remark?: string } {
  const what = WHAT[quota];
  if (quota === 'kept_deployments') {
    return nextPurgeAt === null ? { what } : { what, remark: ` (the next one is purged at ${nextPurgeAt.toISOString()})` };
  }
  if (quota !== 'replicas') return { what };
  const remarks = [
    extra > 0 ? `, ${extra} of them not gone yet or of rollouts` : '',
    warm > 0 ? `, ${warm} of them kept warm for deleted deployments` : '',
    leaving > warm ? `, ${leaving - warm} of them of deleted deployments and not gone yet` : '',
  ];
  return { what, remark: remarks.join('') };
}

const WHAT: Readonly<Record<Held, string>> = {
  deployments: 'deployments',
  replicas: 'replicas',
  cpu_cores: 'CPU cores',
  memory_mb: 'MB of memory',
  gpu_units: 'GPU units',
  storage_gb: 'GB of storage',
  volumes: 'volumes',
  ports: 'published ports',
  kept_deployments: 'deleted deployments that are still kept',
  stored_bytes: 'bytes of specs, labels and secrets, of live and kept deployments',
};

/** A new deployment is not a kept one, though it asks whether there is room for it. */
const plus = (held: Holdings, amounts: Partial<Amounts>): Holdings => ({
  ...held,
  ...Object.fromEntries(HELD.map((each) => [each, held[each] + (each === 'kept_deployments' ? 0 : (amounts[each] ?? 0))])),
});

const growth = (before: Holdings | undefined, after: Holdings | undefined): Partial<Amounts> =>
  before && after ? Object.fromEntries(HELD.map((each) => [each, after[each] - before[each]])) : {};

/** $1 deployment. */
const AMOUNTS = holdingsOf({ where: 'd.id = $1', sizes: true });
