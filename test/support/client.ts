import { Agent, request } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: unknown;
  readonly ms: number;
}

export interface CallOptions {
  readonly key?: string;
  readonly ifMatch?: string;
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 30_000;

/**
 * A small HTTP client for a process that may die at any moment. Rejects only when no complete answer came, whatever its status
 * code.
 */
export class Client {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 50 });

  constructor(
    private readonly url: string,
    private readonly token?: string,
  ) {}

  /** The same user at another address: after a restart, or through another process. */
  at(url: string): Client {
    return new Client(url, this.token);
  }

  get(path: string): Promise<Answer> {
    return this.call('GET', path);
  }

  post(path: string, body: unknown, options?: CallOptions): Promise<Answer> {
    return this.call('POST', path, body, options);
  }

  put(path: string, body: unknown, options?: CallOptions): Promise<Answer> {
    return this.call('PUT', path, body, options);
  }

  patch(path: string, body: unknown, options?: CallOptions): Promise<Answer> {
    return this.call('PATCH', path, body, options);
  }

  delete(path: string, options?: CallOptions): Promise<Answer> {
    return this.call('DELETE', path, undefined, options);
  }

  private call(method: string, path: string, body?: unknown, { key, ifMatch, timeoutMs = TIMEOUT_MS }: CallOptions = {}): Promise<Answer> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = {
      ...(this.token === undefined ? {} : { Authorization: `Bearer ${this.token}` }),
      ...(text === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) }),
      ...(key === undefined ? {} : { 'Idempotency-Key': key }),
      ...(ifMatch === undefined ? {} : { 'If-Match': ifMatch }),
    };
    const begun = performance.now();
    return new Promise((resolve, reject) => {
      const asked = request(`${this.url}${path}`, { method, headers, agent: this.agent }, (answer) => {
        let got = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => (got += chunk));
        answer.on('error', reject).on('close', () => {
          if (!answer.complete) {
            reject(new Error('the answer broke off'));
            return;
          }
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: parse(got), ms: performance.now() - begun });
        });
      });
      asked.on('error', reject);
      asked.setTimeout(timeoutMs, () => asked.destroy(new Error(`no answer within ${String(timeoutMs)} ms`)));
      asked.end(text);
    });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
