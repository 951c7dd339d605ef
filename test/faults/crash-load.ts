import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, Client } from '../support/client';
import { deployWish } from '../support/deployments-under-test';

/** What the client has been promised about one deployment. */
export interface Promised {
  readonly name: string;
  readonly id: string;
  readonly replicas: number;
  readonly deleted: boolean;
  /** An answer contradicted the promise, so the load does not use the deployment any more. */
  readonly isDisputed?: boolean;
}

export interface LoadFigures {
  acknowledged: number;
  /** Requests that were cut off without an answer; each was repeated with its key until it had one. */
  unanswered: number;
  /** Answers that said "try again", mostly because the database was away. They were repeated in the same way. */
  toldToRetry: number;
  /** Repeated requests that had been carried out before and got the first answer again. */
  replayed: number;
  byStatus: Record<string, number>;
}

const LIVE_PER_LOOP = 4;
const RETRY_MS = 50;

/**
 * Deploys, scales and deletes in several loops against processes that are killed now and then, and records what was
 * acknowledged. A request without an answer is repeated with its Idempotency-Key; nothing else is repeated.
 */
export class CrashLoad {
  readonly ledger = new Map<string, Promised>();
  readonly figures: LoadFigures = { acknowledged: 0, unanswered: 0, toldToRetry: 0, replayed: 0, byStatus: {} };
  /** Answers that no client should get, whatever dies. */
  readonly wrong: string[] = [];
  private isStopping = false;

  constructor(
    private readonly client: () => Client,
    private readonly prefix = 'load',
  ) {}

  async run(loops: number): Promise<void> {
    await Promise.all(Array.from({ length: loops }, (_, loop) => this.loop(loop)));
  }

  /** The loops end after their current request has its answer. */
  stop(): void {
    this.isStopping = true;
  }

  private async loop(loop: number): Promise<void> {
    for (let turn = 0; !this.isStopping; turn++) {
      const live = [...this.ledger.values()].filter(
        ({ name, deleted, isDisputed }) => !deleted && isDisputed !== true && name.startsWith(`${this.prefix}-${loop}-`),
      );
      const oldest = live[0];
      if (oldest && live.length >= LIVE_PER_LOOP) await this.delete(oldest);
      else if (oldest && turn % 3 === 2) await this.scale(live.at(-1) ?? oldest);
      else await this.deploy(`${this.prefix}-${loop}-${turn}`, 1 + (turn % 2));
      await sleep(Math.random() * 30);
    }
  }

  private async deploy(name: string, replicas: number): Promise<void> {
    const answer = await this.insist('deploy', (client, key) =>
      client.post('/api/deployment/deploy', deployWish(name, { replicas }), { key }),
    );
    if (!this.accept('deploy', answer, [202])) return;
    const { deployment_id: id } = answer.body as { deployment_id: string };
    this.ledger.set(id, { name, id, replicas, deleted: false });
  }

  private async scale(deployment: Promised): Promise<void> {
    const replicas = 1 + (deployment.replicas % 3);
    const path = `/api/deployment/scale/${deployment.id}`;
    const answer = await this.insist('scale', (client, key) => client.post(path, { replicas }, { key }));
    const isAccepted = this.accept('scale', answer, [200]);
    this.ledger.set(deployment.id, isAccepted ? { ...deployment, replicas } : { ...deployment, isDisputed: true });
  }

  private async delete(deployment: Promised): Promise<void> {
    const path = `/api/deployment/${deployment.id}?wait=1`;
    const answer = await this.insist('delete', (client, key) => client.delete(path, { key }));
    const isAccepted = this.accept('delete', answer, [200, 202]);
    this.ledger.set(deployment.id, isAccepted ? { ...deployment, deleted: true } : { ...deployment, isDisputed: true });
  }

  private accept(what: string, answer: Answer, good: readonly number[]): boolean {
    if (answer.headers['idempotency-replayed'] === 'true') this.figures.replayed++;
    if (good.includes(answer.status)) {
      this.figures.acknowledged++;
      return true;
    }
    this.wrong.push(`${what}: ${String(answer.status)} ${JSON.stringify(answer.body)}`);
    return false;
  }

  /** Repeats with one key while there is no answer, or one that asks to try again. */
  private async insist(what: string, send: (client: Client, key: string) => Promise<Answer>): Promise<Answer> {
    const key = randomUUID();
    for (;;) {
      try {
        const answer = await send(this.client(), key);
        const seen = `${what} ${String(answer.status)}`;
        this.figures.byStatus[seen] = (this.figures.byStatus[seen] ?? 0) + 1;
        if (!isToBeTriedAgain(answer)) return answer;
        this.figures.toldToRetry++;
      } catch (error) {
        if (!isRefused(error)) this.figures.unanswered++;
      }
      await sleep(RETRY_MS);
    }
  }
}

/** No process listened, so the request was never sent. Errors of Node are of another realm than the `Error` of Jest. */
const isRefused = (error: unknown): boolean => (error as { code?: unknown } | null)?.code === 'ECONNREFUSED';

/** 503 and 409 `idempotency_in_progress` say Retry-After: the first request may still be decided. */
const isToBeTriedAgain = ({ status, headers }: Answer): boolean =>
  (status === 503 || status === 409) && headers['retry-after'] !== undefined;
