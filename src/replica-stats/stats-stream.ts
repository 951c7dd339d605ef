import { setTimeout as sleep } from 'node:timers/promises';
import { abortWith } from '../common/abort-with';
import type { StreamSource } from '../events/open-streams';
import type { DeploymentUsage } from './deployment-stats';

/** Tells clients to wait two seconds before they connect again. */
const PREAMBLE = 'retry: 2000\n\n';

interface Wanted {
  readonly intervalMs: number;
  readonly read: () => Promise<DeploymentUsage>;
  readonly signal: AbortSignal;
}

/** The server-sent events of one client that follows what a deployment uses, until that has no container any more. */
export class StatsStream implements StreamSource {
  private rest = new AbortController();
  private beatIsDue = false;
  takenAt = performance.now();

  constructor(private readonly wanted: Wanted) {}

  beat(): void {
    this.beatIsDue = true;
    this.rest.abort();
  }

  async *frames(): AsyncGenerator<string, void> {
    const { read, intervalMs, signal } = this.wanted;
    yield PREAMBLE;
    while (!signal.aborted) {
      // A database that does not answer costs a look, not the stream.
      const usage = await read().catch(() => undefined);
      this.takenAt = performance.now();
      if (usage === null) {
        yield `event: end\ndata: ${JSON.stringify({ reason: 'The deployment was deleted' })}\n\n`;
        return;
      }
      if (usage) yield `event: stats\ndata: ${JSON.stringify(usage)}\n\n`;
      yield* this.wait(intervalMs);
    }
  }

  private async *wait(ms: number): AsyncGenerator<string, void> {
    const until = performance.now() + ms;
    while (performance.now() < until && !this.wanted.signal.aborted) {
      this.takenAt = performance.now();
      if (this.beatIsDue) {
        this.beatIsDue = false;
        yield ': still here\n\n';
      } else {
        this.rest = abortWith(this.wanted.signal);
        await sleep(until - performance.now(), undefined, { signal: this.rest.signal }).catch(() => undefined);
        this.rest.abort();
      }
    }
  }
}
