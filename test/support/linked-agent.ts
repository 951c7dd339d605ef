import { generateKeyPairSync, randomUUID, sign, createHash } from 'node:crypto';
import { WebSocket } from 'ws';
import type { NodeTarget } from '../../src/engines/node-target';
import type { JoinAnswer } from '../../src/runtime/agent/join-messages';
import type {
  CallMessage,
  FromAgent,
  HelloMessage,
  Order,
  OrdersMessage,
  RefusedMessage,
  ReportMessage,
  ToAgent,
  WelcomeMessage,
} from '../../src/runtime/agent/link-messages';
import { linkProof } from '../../src/runtime/agent/link-messages';
import type { MemoryEngine } from './memory-engine';
import type { TestApp } from './test-app';
import { unlikeVersionOne } from './protocol-1';
import { until } from './until';

/** A key pair as an agent keeps it. */
export class AgentKey {
  private readonly pair = generateKeyPairSync('ed25519');
  readonly raw = Buffer.from(this.pair.publicKey.export({ format: 'der', type: 'spki' })).subarray(-32);
  readonly text = this.raw.toString('base64url');
  readonly id = createHash('sha256').update(this.raw).digest('hex');

  sign(words: string): string {
    return sign(null, Buffer.from(words), this.pair.privateKey).toString('base64url');
  }
}

/** What a machine keeps on its disk. A copy of it is a second machine. */
export interface AgentDisk {
  nodeId: string;
  key: AgentKey;
  ticket: string | null;
  ordersVersion: number;
  /** Absent: the agent does not say. */
  seenVersion?: number;
  orders: Map<string, Order>;
  machine: HelloMessage['machine'];
}

/** A node of the application that a machine may join. */
export async function joinedNode(t: TestApp, name: string, region = 'eu'): Promise<{ target: NodeTarget; token: string }> {
  const answer = await t.as('root', { admin: true }).post('/api/nodes').send({ name, region, runtime: 'agent' }).expect(201);
  const { id, join } = answer.body as { id: string; join: { token: string } };
  return { token: join.token, target: { id, name, runtime: 'agent', endpoint: null } };
}

/** Joins with a token and gives the disk of the new agent, or the status of the refusal. */
export async function joinAgent(url: string, token: string, over: Partial<AgentDisk> = {}): Promise<AgentDisk> {
  const key = over.key ?? new AgentKey();
  const machine = over.machine ?? { hostname: 'edge-under-test', machineId: randomUUID(), platform: 'linux/test', programVersion: '0' };
  const { hostname, machineId, platform, programVersion } = machine;
  const answer = await fetch(`${url}/api/agents/join`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      ...{ join_token: token, public_key: key.text },
      machine: { hostname, machine_id: machineId, platform, program_version: programVersion },
    }),
  });
  if (answer.status !== 200) throw new Error(`Joining was answered with ${answer.status}: ${await answer.text()}`);
  const { node_id: nodeId } = (await answer.json()) as JoinAnswer;
  return { nodeId, key, ticket: null, ordersVersion: 0, orders: new Map(), machine, ...over };
}

/** A small agent made from the protocol alone. Its engine is in memory. */
export class LinkedAgent {
  readonly got: ToAgent[] = [];
  /** What of the messages an agent of the first releases would not have understood. */
  readonly unlike: string[] = [];
  welcome: WelcomeMessage | null = null;
  refused: RefusedMessage | null = null;
  closed: { code: number; words: string } | null = null;
  /** Of this start of the agent. */
  readonly session: string;
  private number = 0;
  private socket: WebSocket | null = null;
  private reporting: NodeJS.Timeout | undefined;
  private reportedAt = 0;
  private whole = true;

  constructor(
    readonly disk: AgentDisk,
    readonly engine: MemoryEngine,
    private readonly options: { readonly protocol?: number; readonly silent?: boolean; readonly session?: string } = {},
  ) {
    this.session = options.session ?? randomUUID();
    engine.onChange = () => this.reportSoon();
  }

  /** Opens the link; resolves once it was welcomed, refused or closed. */
  async connect(url: string): Promise<this> {
    Object.assign(this, { welcome: null, refused: null, closed: null, number: 0, whole: true });
    const socket = new WebSocket(`${url.replace('http', 'ws')}/api/agents/link`);
    this.socket = socket;
    socket.on('error', () => undefined);
    socket.on('close', (code, words) => {
      if (this.socket === socket) this.closed = { code, words: words.toString() };
    });
    socket.on('message', (data: Buffer) => this.take(JSON.parse(data.toString()) as ToAgent));
    await until(() => this.welcome ?? this.refused ?? this.closed, { what: 'an answer to the hello' });
    return this;
  }

  send(message: FromAgent | object): void {
    this.socket?.send(JSON.stringify(message));
  }

  sendRaw(text: string | Buffer): void {
    this.socket?.send(text);
  }

  /** Resolves once a report that is made after this call is in the database. */
  async reported(): Promise<void> {
    const after = this.number;
    this.reportSoon();
    await until(() => this.got.some((message) => message.type === 'noted' && message.number > after), { what: 'the report is noted' });
  }

  /** Breaks the connection off, as a cut does. */
  cut(): void {
    clearTimeout(this.reporting);
    this.reporting = undefined;
    this.socket?.terminate();
    this.socket = null;
  }

  /** Leaves the connection behind as a machine without power does: nothing is answered on it, and nobody ends it. */
  freeze(): void {
    clearTimeout(this.reporting);
    this.socket?.pause();
  }

  report(over: Partial<ReportMessage> = {}): void {
    const state = this.engine.state();
    const troubled = new Set(state.troubles.map(({ replicaId }) => replicaId));
    const shown = new Set(state.workloads.map(({ replicaId }) => replicaId));
    const gone = [...this.disk.orders.values()].filter(
      ({ replicaId, version }) => !shown.has(replicaId) && !troubled.has(replicaId) && this.engine.doneVersion(replicaId) >= version,
    );
    this.number += 1;
    this.send({
      ...{ type: 'report', number: this.number, whole: this.whole, ordersVersion: this.disk.ordersVersion },
      ...{ engine: this.engine.info, engineTrouble: this.engine.info ? null : 'It is down', accounts: [] },
      ...(this.engine.info ? state : { ...state, workloads: [] }),
      whole: true,
      gone: this.engine.info ? gone.map(({ replicaId, version }) => ({ replicaId, version })) : [],
      clock: new Date().toISOString(),
      ...over,
    });
    this.reportedAt = performance.now();
  }

  private reportSoon(): void {
    if (!this.welcome || this.options.silent || this.reporting) return;
    const wait = Math.max(5, this.reportedAt + this.welcome.reportEveryMs - performance.now());
    this.reporting = setTimeout(() => {
      this.reporting = undefined;
      if (this.socket?.readyState === WebSocket.OPEN) this.report();
    }, wait);
  }

  private take(message: ToAgent): void {
    this.got.push(message);
    this.unlike.push(...unlikeVersionOne(message, 'toAgent'));
    switch (message.type) {
      case 'challenge':
        return this.hello(message.nonce);
      case 'welcome':
        this.welcome = message;
        this.disk.ticket = message.ticket;
        if (!this.options.silent) this.report();
        return;
      case 'refused':
        this.refused = message;
        return;
      case 'orders':
        return this.obey(message);
      case 'call':
        return void this.answer(message);
      case 'more':
        return this.engine.more(message.id, message.lines);
      case 'cancel':
        return this.engine.cancel(message.id);
      case 'noted':
      case 'rotated':
    }
  }

  private hello(nonce: string): void {
    const { nodeId, key, ticket, ordersVersion, seenVersion, machine } = this.disk;
    const sessionId = this.session;
    const signature = key.sign(linkProof(nonce, nodeId, sessionId));
    const { protocol = 1 } = this.options;
    this.send({ type: 'hello', protocol, nodeId, signature, keyId: key.id, sessionId, ticket, ordersVersion, seenVersion, machine });
  }

  private obey({ since, version, orders, forget }: OrdersMessage): void {
    if (since !== null && since !== this.disk.ordersVersion) return this.send({ type: 'resend' });
    if (since === null) this.disk.orders.clear();
    this.disk.ordersVersion = version;
    for (const id of forget) this.disk.orders.delete(id);
    for (const order of orders) {
      if (order.version < (this.disk.orders.get(order.replicaId)?.version ?? 0)) continue;
      this.disk.orders.set(order.replicaId, order);
      void this.engine.obey(order).then(() => this.reportSoon());
    }
  }

  private async answer({ id, call, arguments: asked }: CallMessage): Promise<void> {
    await this.engine.answer({ id, call, arguments: asked } as CallMessage, (message) => this.send(message));
  }
}
