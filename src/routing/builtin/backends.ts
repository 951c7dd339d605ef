import { Pool } from 'undici';
import type { Target } from './route-index';

const CONNECT_MS = 2_000;
/** How long a replica may take until the headers of its answer. Between parts of a body there is no limit: streams may be silent. */
const ANSWERS_WITHIN_MS = 120_000;
/** After a refused connection others are preferred for so long. */
const AVOIDED_MS = 1_000;

interface Backend {
  readonly pool: Pool;
  busy: number;
  avoidedUntil: number;
}

/** The connections to replicas, and which of them are answering. */
export class Backends {
  private readonly byReplica = new Map<string, Backend>();
  private turn = 0;

  /** The replica with the fewest requests under way, in turns; those in `tried` never, and those that refused lately last. */
  choose(targets: readonly Target[], tried: ReadonlySet<string>): Target | undefined {
    const now = performance.now();
    const start = (this.turn = (this.turn + 1) % 1_000_000);
    let best: { target: Target; weight: number } | undefined;
    for (let index = 0; index < targets.length; index++) {
      const target = targets[(start + index) % targets.length];
      if (!target || tried.has(target.replicaId)) continue;
      const backend = this.byReplica.get(target.replicaId);
      const weight = (backend?.busy ?? 0) + ((backend?.avoidedUntil ?? 0) > now ? 1_000_000 : 0);
      if (!best || weight < best.weight) best = { target, weight };
    }
    return best?.target;
  }

  /** The connections to this replica. They are opened as they are needed, and kept open. */
  poolOf(target: Target): Pool {
    return this.of(target).pool;
  }

  /** Counts a request that the replica answers. Returns a function that ends it, once. */
  enter(target: Target): () => void {
    const backend = this.of(target);
    backend.busy += 1;
    let entered = true;
    return () => {
      if (entered) backend.busy -= 1;
      entered = false;
    };
  }

  avoid(target: Target): void {
    this.of(target).avoidedUntil = performance.now() + AVOIDED_MS;
  }

  /** Closes the connections to replicas that are of no table and answer nothing any more. Returns those that still answer. */
  retire(current: ReadonlySet<string>): string[] {
    const leaving = [...this.byReplica].filter(([replicaId]) => !current.has(replicaId));
    for (const [replicaId, backend] of leaving) {
      if (backend.busy > 0) continue;
      this.byReplica.delete(replicaId);
      void backend.pool.close();
    }
    return leaving.filter(([, { busy }]) => busy > 0).map(([replicaId]) => replicaId);
  }

  private of({ replicaId, address }: Target): Backend {
    const known = this.byReplica.get(replicaId);
    if (known) return known;
    const pool = new Pool(`http://${address}`, {
      connect: { timeout: CONNECT_MS },
      headersTimeout: ANSWERS_WITHIN_MS,
      bodyTimeout: 0,
      pipelining: 1,
    });
    const made = { pool, busy: 0, avoidedUntil: 0 };
    this.byReplica.set(replicaId, made);
    return made;
  }
}
