import { createHash, createPublicKey, randomBytes, randomUUID, verify } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import WebSocket, { WebSocketServer } from 'ws';
import type { JoinRequest } from '../../src/runtime/agent/join-messages';
import {
  linkProof,
  rotationProof,
  type CallArguments,
  type CallKind,
  type CallMessage,
  type FromAgent,
  type HelloMessage,
  type Order,
  type ReportMessage,
  type ReportedWorkload,
  type ToAgent,
} from '../../src/runtime/agent/link-messages';

import { unlikeVersionOne } from './protocol-1';

/** What happens to a message on its way to the agent. */
export type Fate = 'arrives' | 'is lost' | 'comes twice' | 'cuts the link';

/** What the agents' side of the protocol is tested against: a control plane for one node, made from `link-messages.ts` alone. */
export class LinkServer {
  readonly nodeId = randomUUID();
  readonly reports: ReportMessage[] = [];
  readonly hellos: HelloMessage[] = [];
  readonly replies: FromAgent[] = [];
  /** What of the messages a control plane of the first releases would not have understood. */
  readonly unlike: string[] = [];
  readonly workloads = new Map<string, ReportedWorkload>();
  readonly gone = new Map<string, number | null>();
  readonly token = 'fogj_test';
  fate: (message: ToAgent) => Fate = () => 'arrives';
  notes = true;
  /** What it says of the versions that it speaks. */
  protocols = { oldest: 1, newest: 1 };
  version = 0;
  bytes = 0;
  private readonly orders = new Map<string, Order>();
  private readonly keys = new Map<string, string>();
  private readonly server: Server;
  private readonly sockets = new WebSocketServer({ noServer: true });
  private link: WebSocket | undefined;
  private joinedKey: string | null = null;
  /** The number of the newest ticket that is known to be on a disk, and of the newest that was given. */
  private confirmed = 0;
  private given = 0;
  refuse: { code: 'try_later' | 'unknown_node'; message: string } | null = null;

  constructor(
    readonly installationId: string,
    private readonly options: { readonly reportEveryMs?: number; readonly pingMs?: number } = {},
  ) {
    this.server = createServer((request, reply) => {
      const answer = (status: number, body: object): void =>
        void reply.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
      void json(request).then((body) => {
        const { join_token: token, public_key: key } = body as JoinRequest;
        if (request.url !== '/api/agents/join' || token !== this.token)
          return answer(401, { detail: 'The join token is wrong, used or expired' });
        if (this.joinedKey !== null && this.joinedKey !== key) return answer(401, { detail: 'The join token is wrong, used or expired' });
        this.joinedKey = key;
        this.takeKey(key);
        answer(200, { success: true, node_id: this.nodeId, node_name: 'edge-1', installation_id: this.installationId });
      });
    });
    this.server.on('upgrade', (request, socket, head) => {
      socket.on('data', (data: Buffer) => (this.bytes += data.length));
      this.sockets.handleUpgrade(request, socket, head, (opened) => this.serve(opened));
    });
  }

  async listen(port = 0): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(port, '127.0.0.1', resolve));
    return this.url;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get isLinked(): boolean {
    return this.link !== undefined;
  }

  get keyCount(): number {
    return this.keys.size;
  }

  /** The newest order that there is for the replica. */
  orderOf(replicaId: string): Order | undefined {
    return this.orders.get(replicaId);
  }

  /** Wants something of a replica from now on, and says so if there is a link. */
  order(order: Pick<Order, 'replicaId' | 'will' | 'spec'> & Partial<Order>): Order {
    const since = this.version;
    this.version += 1;
    const whole = { graceSeconds: 1, resumeRunAt: null, ociRuntime: null, ...order, version: this.version };
    this.orders.set(order.replicaId, whole);
    this.gone.delete(order.replicaId);
    this.say({ type: 'orders', since, version: this.version, orders: [whole], forget: [] });
    return whole;
  }

  call<K extends CallKind>(call: K, given: CallArguments[K]): string {
    const id = randomUUID();
    this.say({ type: 'call', id, call, arguments: given } as CallMessage);
    return id;
  }

  say(message: ToAgent): void {
    const link = this.link;
    if (link === undefined) return;
    const fate = this.fate(message);
    if (fate === 'cuts the link') return this.cut();
    if (fate === 'is lost') return;
    link.send(JSON.stringify(message));
    if (fate === 'comes twice') link.send(JSON.stringify(message));
  }

  /** Cuts the link without a farewell. */
  cut(): void {
    this.link?.terminate();
  }

  async close(): Promise<void> {
    for (const socket of this.sockets.clients) socket.close(1012);
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private takeKey(key: string): void {
    this.keys.set(createHash('sha256').update(Buffer.from(key, 'base64url')).digest('hex'), key);
  }

  private serve(socket: WebSocket): void {
    const nonce = randomBytes(32).toString('base64url');
    const send = (message: ToAgent): void => socket.send(JSON.stringify(message));
    send({ type: 'challenge', nonce, protocols: this.protocols });
    const pings = setInterval(() => socket.ping(), this.options.pingMs ?? 20_000);
    socket.on('close', () => {
      clearInterval(pings);
      if (this.link === socket) this.link = undefined;
    });
    socket.on('error', () => undefined);
    socket.on('message', (data) => {
      const message = JSON.parse((data as Buffer).toString()) as FromAgent;
      this.unlike.push(...unlikeVersionOne(message, 'fromAgent'));
      if (message.type === 'hello') return this.welcome(message, { socket, nonce, send });
      if (message.type === 'report') return this.note(message);
      if (message.type === 'resend') return this.sayAll();
      if (message.type === 'rotate') return this.rotate(message.publicKey, message.signature);
      this.replies.push(message);
    });
  }

  private welcome(
    hello: HelloMessage,
    { socket, nonce, send }: { socket: WebSocket; nonce: string; send: (message: ToAgent) => void },
  ): void {
    this.hellos.push(hello);
    const refuse = (code: 'wrong_key' | 'second_machine' | 'try_later' | 'unknown_node', message: string): void => {
      send({ type: 'refused', code, message });
      socket.close(1008);
    };
    if (this.refuse !== null) return refuse(this.refuse.code, this.refuse.message);
    const key = this.keys.get(hello.keyId);
    if (key === undefined || !isSigned(key, linkProof(nonce, hello.nodeId, hello.sessionId), hello.signature))
      return refuse('wrong_key', 'Wrong key');
    for (const id of this.keys.keys())
      if (id !== hello.keyId && this.keys.size > 1 && [...this.keys.keys()].at(-1) === hello.keyId) this.keys.delete(id);
    if (Number(hello.ticket ?? '0') < this.confirmed) return refuse('second_machine', 'Another machine has this identity');
    this.link?.close(4000);
    this.link = socket;
    this.given += 1;
    send({
      ...{ type: 'welcome', installationId: this.installationId, nodeName: 'edge-1', ticket: String(this.given) },
      ...{ reportEveryMs: this.options.reportEveryMs ?? 50, ordersVersion: this.version },
    });
    if (hello.ordersVersion < this.version) this.sayAll();
  }

  private note(report: ReportMessage): void {
    // The first report shows that the disk of the agent has the ticket.
    this.confirmed = this.given;
    this.reports.push(report);
    if (report.whole) this.workloads.clear();
    for (const workload of report.workloads) {
      this.workloads.set(workload.replicaId, workload);
      this.gone.delete(workload.replicaId);
    }
    for (const { replicaId, version } of report.gone) {
      this.workloads.delete(replicaId);
      this.gone.set(replicaId, version);
    }
    if (this.notes) this.say({ type: 'noted', number: report.number });
  }

  private sayAll(): void {
    this.say({ type: 'orders', since: null, version: this.version, orders: [...this.orders.values()], forget: [] });
  }

  private rotate(publicKey: string, signature: string): void {
    if (!isSigned(publicKey, rotationProof(this.nodeId, publicKey), signature)) throw new Error('The new key did not sign its rotation');
    this.takeKey(publicKey);
    this.say({ type: 'rotated', keyId: [...this.keys.keys()].at(-1) ?? '' });
  }
}

function isSigned(publicKey: string, text: string, signature: string): boolean {
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: publicKey }, format: 'jwk' });
  return verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64url'));
}
