import { randomUUID } from 'node:crypto';
import type { NodeTarget } from '../engines/node-target';
import type { FromAgent, OrdersMessage } from '../runtime/agent/link-messages';
import type { RuntimeDriver } from '../runtime/runtime-driver';
import type { AgentLog } from './agent-log';
import { Calls } from './calls/calls';
import { EngineView } from './doing/engine-view';
import { Health } from './doing/health';
import { Keeper } from './doing/keeper';
import type { Identity, Joined } from './identity/identity';
import { Link } from './link/link';
import type { Way } from './link/way';
import type { OrdersStore } from './orders/orders-store';
import { notUnderstood } from './orders/understood';
import { UnkeptOrders } from './orders/unkept-orders';
import type { Recollection } from './recollection';
import { Reporter } from './reports/reporter';
import { goneOf, reported, type Sight } from './reports/sight';

/** A link that is away for less is a hiccup, and the control plane goes on to decide. */
const ALONE_AFTER_MS = 10_000;
const MOST_ACCOUNTS_IN_REPORT = 100;

export interface AgentParts {
  readonly identity: Identity;
  readonly joined: Joined;
  readonly orders: OrdersStore;
  readonly recollection: Recollection;
  readonly driver: RuntimeDriver;
  readonly way: Way;
  readonly log: AgentLog;
  readonly pingMs?: number;
  readonly aloneAfterMs?: number;
  /** How often orders are asked for again that the disk did not take. */
  readonly askAgainMs?: number;
  /** How often it is looked whether the key is old. */
  readonly keyLookMs?: number;
}

/** Holds what its node should run, makes it so, and tells the control plane what it sees, for as long as there is a link. */
export class Agent {
  private readonly view: EngineView;
  private readonly keeper: Keeper;
  private readonly health: Health;
  private readonly link: Link;
  private readonly target: NodeTarget;
  private reporter: Reporter | null = null;
  private calls: Calls | null = null;
  private send: ((message: FromAgent) => void) | null = null;
  private readonly unkept: UnkeptOrders;
  private hasLooked = false;

  constructor(private readonly parts: AgentParts) {
    const { driver, joined, recollection, orders, identity, log, way, pingMs, keyLookMs } = parts;
    this.target = { id: joined.nodeId, name: joined.nodeName, runtime: 'docker', endpoint: null };
    this.view = new EngineView(driver, this.target, (engineId) => recollection.isOurs(engineId));
    this.unkept = new UnkeptOrders(() => this.send?.({ type: 'resend' }), parts.askAgainMs);
    this.health = new Health(joined.nodeId, () => this.reporter?.changed());
    this.keeper = new Keeper({
      driver,
      recollection,
      log,
      target: this.target,
      view: this.view,
      orders: () => orders.book,
      isAlone: () => this.link.awayMs > (parts.aloneAfterMs ?? ALONE_AFTER_MS),
      onLook: () => this.looked(),
    });
    this.link = new Link({
      identity,
      joined,
      way,
      log,
      sessionId: randomUUID(),
      ...(pingMs === undefined ? {} : { pingMs }),
      ...(keyLookMs === undefined ? {} : { keyLookMs }),
      engineId: (signal) => this.view.engineId(signal),
      ticket: () => recollection.memory.ticket,
      keepWelcome: (welcome) => recollection.letIn(welcome),
      versions: () => ({ held: orders.book.version, seen: recollection.memory.seenVersion }),
      onUp: ({ send, reportEveryMs }) => {
        log.info('The link to the control plane is up');
        this.send = send;
        this.calls = new Calls(driver, this.target, send);
        this.reporter = new Reporter(
          {
            look: () => this.sight(),
            isOrdered: (replicaId) => orders.book.orders.has(replicaId),
            endOf: (replicaId) => this.keeper.lives.endOf(replicaId),
            onLeftOut: (words) => log.warn(`Something on this machine cannot be told to the control plane: ${words}`),
            onNoted: (accounts, ends) => recollection.noted(accounts, ends),
          },
          reportEveryMs,
          send,
        );
        this.reporter.changed();
      },
      onDown: () => {
        this.reporter?.stop();
        this.calls?.stop();
        this.reporter = this.calls = this.send = null;
        setTimeout(() => this.keeper.wake(), (parts.aloneAfterMs ?? ALONE_AFTER_MS) + 1).unref();
      },
      onRefused: () => {
        recollection.refused();
        this.keeper.wake();
      },
      onOrders: (message) => this.take(message),
      onNoted: (number) => this.reporter?.noted(number),
      onCall: (call) => this.calls?.begin(call),
      onMore: (id, lines) => this.calls?.more(id, lines),
      onCancel: (id) => this.calls?.cancel(id),
    });
  }

  /** Resolves after the abort, when nothing is under way any more. Containers go on. */
  async run(signal: AbortSignal): Promise<void> {
    const firstAlone = setTimeout(() => this.keeper.wake(), (this.parts.aloneAfterMs ?? ALONE_AFTER_MS) + 1);
    try {
      await Promise.all([this.keeper.run(signal), this.link.run(signal)]);
    } finally {
      clearTimeout(firstAlone);
      this.unkept.clear();
      this.health.stop();
      await Promise.all([this.parts.identity.settled(), this.parts.recollection.settled()]);
    }
  }

  private looked(): void {
    this.hasLooked = true;
    if (this.view.trouble === null) this.health.look(this.parts.orders.book.orders, this.view.workloads);
    this.reporter?.changed();
  }

  /** The disk has the orders before anything is done by them, and knows that it has seen them. */
  private async take(message: OrdersMessage): Promise<'taken' | 'resend'> {
    const { orders, recollection, log } = this.parts;
    const taken = await orders.take(message);
    if (taken === 'older') return 'taken';
    if (taken !== 'taken') {
      // A step that follows what the disk did not take is not to be had whole either; all of it is asked for again later.
      const reason = taken === 'resend' ? this.unkept.reason : taken.words;
      if (reason === null) return 'resend';
      if (reason !== this.unkept.reason) log.error(reason);
      if (await orders.takeEnds(message)) this.keeper.wake();
      this.unkept.add(message.orders, reason, orders.book.orders);
      this.reporter?.changed();
      return 'taken';
    }
    this.unkept.clear();
    for (const { replicaId, message: words } of notUnderstood(message.orders)) log.warn(`Replica ${replicaId}: ${words}`);
    const { book } = orders;
    // What is remembered of replicas goes only by all the orders that there are.
    const isBehind = book.version < recollection.memory.toldVersion;
    await recollection.seen(book.version, isBehind ? () => true : (replicaId) => book.orders.has(replicaId));
    this.keeper.wake();
    return taken;
  }

  private sight(): Sight | null {
    if (!this.hasLooked) return null;
    const { orders, recollection } = this.parts;
    const { view, keeper, health } = this;
    const isBlind = view.trouble !== null;
    return {
      ordersVersion: orders.book.version,
      engine: isBlind ? null : view.info,
      engineTrouble: view.trouble,
      workloads: [...view.workloads.values()].map((workload) =>
        reported(health.judged(workload), keeper.actedBy.get(workload.replicaId) ?? null),
      ),
      gone: isBlind ? [] : goneOf(orders.book.orders, view.workloads, keeper.settled),
      troubles: [...keeper.troubles, ...this.unkept.troubles, ...notUnderstood(orders.book.orders.values())],
      progress: [...keeper.progress].map(([replicaId, words]) => ({ replicaId, words })),
      accounts: recollection.accounts(MOST_ACCOUNTS_IN_REPORT),
    };
  }
}
