import { Logger } from '@nestjs/common';
import { once } from 'node:events';
import { hostname } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { AppConfig } from '../../config/app-config';
import { LoadBalancer, type LiveRoutes } from '../load-balancer';
import type { RouteTable } from '../route-table';
import type { Traffic } from '../traffic';
import type { FromRouter, RouterThreadData, ToRouter } from './router-thread';
import { TrafficCounts } from './traffic-counts';

const ANSWERS_WITHIN_MS = 5_000;
const FIRST_WORD_WITHIN_MS = 5_000;
const BEGIN_AGAIN_MS = 200;

type Settings = Pick<AppConfig, 'ROUTER_HOST' | 'ROUTER_PORT' | 'TRUSTED_PROXIES'>;

/**
 * The router in the product, as the rest of the program sees it: a thread that is told tables and asked what it serves. It listens from
 * its first tables on.
 */
export class BuiltinBalancer extends LoadBalancer {
  readonly kind = 'builtin';
  private readonly logger = new Logger('Router');
  private readonly counts = new TrafficCounts();
  private thread: Worker;
  private readonly waiting = new Map<number, (live: LiveRoutes) => void>();
  private closing = false;
  private readonly firstWord: Promise<unknown>;
  private questions = 0;
  private port: number;
  private trouble: string | null = null;
  private listening = false;

  constructor(private readonly settings: Settings) {
    super();
    this.port = settings.ROUTER_PORT;
    this.thread = this.begin();
    this.firstWord = once(this.thread, 'message', { signal: AbortSignal.timeout(FIRST_WORD_WITHIN_MS) }).catch(() => undefined);
  }

  /**
   * With the name of the machine, as several machines may listen on one address each. Until it listens it has an address of its own: what
   * another process has, which listens there still, is not to be taken for gone.
   */
  get address(): string {
    const address = `${hostname()} ${this.settings.ROUTER_HOST}:${this.port}`;
    return this.listening ? address : `${address}, to be taken over by process ${process.pid}`;
  }

  /** Where it listens, or why it does not yet, in words for the start of the program. Waits until that is known. */
  async words(): Promise<string> {
    await this.firstWord;
    return this.trouble === null
      ? `http://${this.settings.ROUTER_HOST}:${this.port}`
      : `does not listen yet, and tries again every second: ${this.trouble}`;
  }

  override get traffic(): Traffic {
    return this.counts.read();
  }

  apply(tables: readonly RouteTable[]): Promise<void> {
    this.tell({ kind: 'apply', tables });
    return Promise.resolve();
  }

  live(): Promise<LiveRoutes> {
    const question = (this.questions += 1);
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        this.waiting.delete(question);
        reject(new Error('The router did not answer'));
      }, ANSWERS_WITHIN_MS);
      this.waiting.set(question, (live) => {
        clearTimeout(late);
        resolve(live);
      });
      this.tell({ kind: 'live', question });
    });
  }

  async close(): Promise<void> {
    this.closing = true;
    const ended = once(this.thread, 'exit');
    this.tell({ kind: 'close' });
    await ended;
  }

  /** A thread that fails is replaced by one that begins without tables; whoever follows it tells them again. */
  private begin(): Worker {
    const { ROUTER_HOST: host, TRUSTED_PROXIES: trustedProxies } = this.settings;
    const data: RouterThreadData = { host, port: this.port, trustedProxies, counts: this.counts.memory };
    const thread = new Worker(require.resolve('./router-thread'), { workerData: data });
    thread.on('message', (message: FromRouter) => this.hear(message));
    thread.on('error', (error) => this.logger.error(`The router has failed: ${error.stack ?? error.message}`));
    thread.once('exit', () => {
      this.listening = false;
      if (!this.closing) setTimeout(() => (this.thread = this.begin()), BEGIN_AGAIN_MS).unref();
    });
    return thread;
  }

  private tell(message: ToRouter): void {
    this.thread.postMessage(message);
  }

  private hear(message: FromRouter): void {
    switch (message.kind) {
      case 'listens':
        this.trouble = null;
        this.listening = true;
        this.port = message.port;
        this.logger.log(`Deployments are reached on ${this.settings.ROUTER_HOST}:${message.port}`);
        return;
      case 'cannot listen':
        if (this.trouble === null) this.logger.warn(`The router cannot listen, and tries again: ${message.words}`);
        this.trouble = message.words;
        return;
      case 'live':
        this.waiting.get(message.question)?.(message);
        this.waiting.delete(message.question);
    }
  }
}
