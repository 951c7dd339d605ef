import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../support/client';
import type { ProcessUnderTest } from '../support/process-under-test';

/** A load balancer: it chooses the next backend that was ready a moment ago. */
export class Balancer {
  private turn = 0;
  private ready: readonly Client[] = [];
  private isStopped = false;

  constructor(private readonly backends: () => readonly (readonly [ProcessUnderTest, Client])[]) {}

  get client(): Client {
    const client = this.ready[this.turn++ % this.ready.length];
    if (!client) throw new Error('There is no backend');
    return client;
  }

  async look(): Promise<void> {
    const looks = this.backends().map(async ([{ url }, client]) => {
      const answer = await fetch(`${url}/health/ready`).catch(() => null);
      return answer?.status === 200 ? [client] : [];
    });
    this.ready = (await Promise.all(looks)).flat();
  }

  async run(): Promise<void> {
    for (; !this.isStopped; await sleep(50)) await this.look();
  }

  stop(): void {
    this.isStopped = true;
  }
}
