import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { until } from './until';

export interface ReceivedWebhook {
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string;
  readonly event: { id: string; type: string; subject?: string; data: Record<string, unknown> };
}

type Answering = (response: ServerResponse, received: ReceivedWebhook) => unknown;

/** An HTTP server that accepts webhooks and answers each path as it is told to. */
export class WebhookReceiver {
  readonly received: ReceivedWebhook[] = [];
  private readonly answers = new Map<string, Answering>();

  private constructor(private readonly server: Server) {
    server.on('request', (request: IncomingMessage, response: ServerResponse) => void this.take(request, response));
  }

  static async start(): Promise<WebhookReceiver> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new WebhookReceiver(server);
  }

  url(path: string): string {
    return `http://127.0.0.1:${String((this.server.address() as AddressInfo).port)}${path}`;
  }

  /** Without a call of this, a path answers 204. */
  answer(path: string, answering: Answering): void {
    this.answers.set(path, answering);
  }

  at = (path: string): ReceivedWebhook[] => this.received.filter((each) => each.path === path);
  types = (path: string): string[] => this.at(path).map(({ event }) => event.type);

  async untilReceived(path: string, count: number, timeoutMs = 60_000): Promise<ReceivedWebhook[]> {
    await until(() => this.at(path).length >= count, {
      what: `${String(count)} webhooks at ${path}, not ${String(this.at(path).length)}`,
      timeoutMs,
    });
    return this.at(path);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => undefined);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString('utf8');
    const path = request.url ?? '';
    const received = {
      path,
      headers: request.headers as Record<string, string>,
      body,
      event: JSON.parse(body) as ReceivedWebhook['event'],
    };
    this.received.push(received);
    const answering = this.answers.get(path);
    if (answering) await answering(response, received);
    else response.writeHead(204).end();
  }
}

/** Whether the library of Standard Webhooks considers it genuine. */
export function isGenuine({ body, headers }: ReceivedWebhook, secret: string): boolean {
  try {
    new Webhook(secret).verify(body, headers);
    return true;
  } catch {
    return false;
  }
}
