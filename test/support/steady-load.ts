import { Agent, request } from 'node:http';
import { TAKES_BODIES } from './serving';

const IN_PARALLEL = 8;
const PAUSE_MS = 2;
const BODY = 'x'.repeat(1_000);

/**
 * Requests that never stop, over connections that stay open, to replicas that run `serving`, with every one counted that did not get
 * its whole answer with 200. Every other one is a POST with a body: no router may repeat those, so they show a replica that was
 * stopped too early, which a GET survives by going to another one.
 */
export class SteadyLoad {
  sent = 0;
  /** Each with its method and what came instead. */
  readonly failures: string[] = [];
  /** When each of them was, on the clock of `performance`. */
  readonly failedAt: number[] = [];
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
    for (let isPost = false; !this.stopped; isPost = !isPost) {
      const failure = await this.ask(isPost);
      this.sent += 1;
      if (failure !== null) {
        this.failures.push(`${isPost ? 'POST' : 'GET'}: ${failure}`);
        this.failedAt.push(performance.now());
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  /** Null for a whole answer with 200; otherwise what came instead. */
  private ask(isPost: boolean): Promise<string | null> {
    const { port, host, agent } = this;
    const [method, path] = isPost ? ['POST', TAKES_BODIES] : ['GET', '/'];
    return new Promise((resolve) => {
      const asked = request({ port, host: '127.0.0.1', path, method, headers: { host }, agent }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (part: string) => (text += part));
        answer.on('close', () => {
          if (!answer.complete || answer.statusCode !== 200) resolve(`status ${String(answer.statusCode)}`);
          else resolve(isPost && text.trim() !== String(BODY.length) ? `${text.trim()} bytes arrived` : null);
        });
      });
      asked.once('error', (error) => resolve(error.message)).end(isPost ? BODY : undefined);
    });
  }
}
