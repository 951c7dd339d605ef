import { Agent, request } from 'node:http';

const IN_PARALLEL = 8;
const PAUSE_MS = 2;

/** Requests that never stop, over connections that stay open, with every one counted that did not answer 200. */
export class SteadyLoad {
  sent = 0;
  readonly failures: string[] = [];
  private readonly agent = new Agent({ keepAlive: true, maxSockets: IN_PARALLEL });
  private stopped = false;
  private readonly running: Promise<unknown>;

  constructor(
    private readonly port: number,
    private readonly host: string,
  ) {
    this.running = Promise.all(Array.from({ length: IN_PARALLEL }, () => this.run()));
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.running;
    this.agent.destroy();
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      const failure = await this.ask();
      this.sent += 1;
      if (failure !== null) this.failures.push(failure);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  /** Null for a whole answer with 200; otherwise what came instead. */
  private ask(): Promise<string | null> {
    return new Promise((resolve) => {
      const asked = request(
        { port: this.port, host: '127.0.0.1', path: '/', headers: { host: this.host }, agent: this.agent },
        (answer) => {
          answer
            .resume()
            .on('close', () => resolve(answer.complete && answer.statusCode === 200 ? null : `status ${String(answer.statusCode)}`));
        },
      );
      asked.once('error', (error) => resolve(error.message)).end();
    });
  }
}
