import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, Client } from '../support/client';
import { deployWish } from '../support/deployments-under-test';

/**
 * Reads, deploys and deletes without pauses and notes every answer, for tests that take the database away. An answer is
 * right when it is a success, or a 503 that says when to try again.
 */
export class BackgroundLoad {
  readonly seen: Record<string, number> = {};
  readonly wrong: string[] = [];
  /** The longest time until an answer of any kind. */
  slowestMs = 0;
  /** All acknowledged deployments, and whether a delete was sent, which may or may not have been carried out. */
  readonly deployed = new Map<string, 'wanted' | 'unknown' | 'deleted'>();
  private isStopping = false;
  private loops: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly client: Client,
    private readonly prefix: string,
  ) {}

  start(): this {
    this.loops = Promise.all([this.read(), this.read(), ...[1, 2, 3].map((loop) => this.write(loop))]);
    return this;
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    await this.loops;
  }

  /** Answers so far. */
  get answers(): number {
    return Object.values(this.seen).reduce((sum, count) => sum + count, 0);
  }

  /** How many answers so far said that the database is not available. */
  get unavailable(): number {
    return Object.entries(this.seen).reduce((sum, [what, count]) => sum + (what.endsWith('503') ? count : 0), 0);
  }

  private async read(): Promise<void> {
    while (!this.isStopping) {
      await this.note('list', this.client.get('/api/deployment/list?limit=20'), [200]);
      await sleep(10);
    }
  }

  private async write(loop: number): Promise<void> {
    for (let turn = 0; !this.isStopping; turn++) {
      const wish = deployWish(`${this.prefix}-${loop}-${turn}`);
      const made = await this.note('deploy', this.client.post('/api/deployment/deploy', wish), [202]);
      if (made) {
        const { deployment_id: id } = made.body as { deployment_id: string };
        this.deployed.set(id, 'wanted');
        await sleep(50);
        if (turn % 10 === 9) continue;
        this.deployed.set(id, 'unknown');
        // 409: an earlier attempt that got no answer had been carried out.
        while (!this.isStopping && this.deployed.get(id) === 'unknown') {
          if (await this.note('delete', this.client.delete(`/api/deployment/${id}?wait=0`), [200, 202, 409]))
            this.deployed.set(id, 'deleted');
          await sleep(20);
        }
      }
      await sleep(20);
    }
  }

  private async note(what: string, asked: Promise<Answer>, good: readonly number[]): Promise<Answer | null> {
    try {
      const answer = await asked;
      this.slowestMs = Math.max(this.slowestMs, answer.ms);
      this.count(`${what} ${String(answer.status)}`);
      if (good.includes(answer.status)) return answer;
      if (answer.status === 503 && answer.headers['retry-after'] !== undefined) return null;
      this.wrong.push(`${what}: ${String(answer.status)} ${JSON.stringify(answer.body)}`);
    } catch (error) {
      this.wrong.push(`${what}: ${String(error)}`);
    }
    return null;
  }

  private count(what: string): void {
    this.seen[what] = (this.seen[what] ?? 0) + 1;
  }
}
