import { Injectable, Logger, type BeforeApplicationShutdown } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { PubSub } from '../database/pub-sub';
import { JobQueue } from '../jobs/job-queue';
import { RateLimit } from '../rate-limits/rate-limit';
import { AgentLines } from '../runtime/agent/agent-lines';
import { LINK_PING_MS, rotationProof, type ReportMessage, type RotateMessage } from '../runtime/agent/link-messages';
import { AGENT_TOPICS } from '../runtime/agent/topics';
import { AccountsRepository } from './accounts.repository';
import { AgentMetrics } from './agent-metrics';
import { IdentitiesRepository } from './identities.repository';
import { CLOSE, REPORT_EVERY_MS, type Link, type LinkWork } from './link';
import { isSignedBy, keyIdOf } from './link-keys';
import { LinksRepository } from './links.repository';
import { OrdersRepository } from './orders.repository';
import { ReportsRepository } from './reports.repository';

/** How often every link is compared with its row: whether it still counts, and whether there are orders that no hint told of. */
const LOOK_MS = 2_500;
const HEARD_EVERY_MS = 10_000;
/** A machine that was away for longer gets the whole state. */
const WHOLE_AFTER_SECONDS = 12 * 3_600;
/** More workloads than a node can have. */
const MOST_SHOWN = 4_000;
/** An agent loses orders seldom, and changes its key once in weeks. */
const REQUESTS_PER_MINUTE = 12;
/** A report that shows more changes than this tells of the rest by the job of the node only. */
const MOST_CHANGES = 200;

/** The links that this process holds: sends orders when there are some, writes reports, and ends links that no longer count. */
@Injectable()
export class Links implements BeforeApplicationShutdown {
  /** Who holds a link, for the rows of links. */
  readonly holder = randomUUID();
  readonly work: LinkWork = {
    report: (link, report) => this.report(link, report),
    rotate: (link, rotation) => this.rotate(link, rotation),
    resend: (link) => void this.resend(link),
    closed: (link) => void this.closed(link),
    failed: (link, error) => this.failed(link, error),
    bytes: (direction, count) => this.metrics.bytes(direction, count),
  };
  private readonly logger = new Logger(Links.name);
  private readonly links = new Map<string, Link>();
  private readonly timers: NodeJS.Timeout[];
  private readonly off: () => void;
  private readonly writtenAt = new WeakMap<Link, number>();
  private readonly requests = new RateLimit(REQUESTS_PER_MINUTE);
  private isEnding = false;

  constructor(
    private readonly rows: LinksRepository,
    private readonly orders: OrdersRepository,
    private readonly reports: ReportsRepository,
    private readonly accounts: AccountsRepository,
    private readonly identities: IdentitiesRepository,
    private readonly lines: AgentLines,
    private readonly pubSub: PubSub,
    private readonly jobs: JobQueue,
    private readonly metrics: AgentMetrics,
  ) {
    metrics.links(() => this.links.size);
    this.off = pubSub.subscribe(AGENT_TOPICS.orders, (nodeId) => {
      const link = this.links.get(nodeId);
      if (link) this.sendOrders(link);
    });
    this.timers = [
      setInterval(() => void this.look(), LOOK_MS),
      setInterval(() => void this.noteHeard(), HEARD_EVERY_MS),
      setInterval(() => void this.ping(), LINK_PING_MS),
    ];
  }

  /** Takes a link in the place of an earlier one of its node, and sends what the agent has not got. */
  take(link: Link, { heardSecondsAgo }: { readonly heardSecondsAgo: number | null }): void {
    this.links.get(link.nodeId)?.close(CLOSE.replaced, 'A newer link of this node has taken its place');
    this.links.set(link.nodeId, link);
    this.lines.hold(link.nodeId, link.calls);
    const isLong = heardSecondsAgo === null || heardSecondsAgo > WHOLE_AFTER_SECONDS || link.agentVersion === 0;
    this.sendOrders(link, { whole: isLong, first: true });
  }

  /** The link of a node with this number, if this process holds it. */
  linkOf(nodeId: string, epoch: number): Link | undefined {
    const link = this.links.get(nodeId);
    return link?.epoch === epoch ? link : undefined;
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isEnding = true;
    this.off();
    for (const timer of this.timers) clearInterval(timer);
    const held = [...this.links.values()];
    this.links.clear();
    for (const link of held) link.close(CLOSE.restarts, 'The control plane restarts; come again');
    await this.rows.end(held).catch(() => undefined);
  }

  /** Sends the orders that the agent has not got, one message after the other. A second call meanwhile makes it look once more. */
  private sendOrders(link: Link, { whole = false, first = false } = {}): void {
    if (whole) link.sentVersion = null;
    link.sending.isWanted = true;
    if (link.sending.isUnderWay) return;
    link.sending.isUnderWay = true;
    void this.send(link, first)
      .catch((error: unknown) => this.failed(link, error))
      .finally(() => {
        link.sending.isUnderWay = false;
        if (link.sending.isWanted) this.sendOrders(link);
      });
  }

  private async send(link: Link, first: boolean): Promise<void> {
    if (first && link.sentVersion !== null) this.forget(link, await this.orders.over(link.nodeId));
    while (link.sending.isWanted) {
      link.sending.isWanted = false;
      for (;;) {
        const step = await this.orders.step(link.nodeId, link.sentVersion);
        if (step === null) break;
        // A whole state was asked for meanwhile.
        if (step.since !== link.sentVersion) continue;
        link.send(step);
        link.sentVersion = step.version;
      }
    }
  }

  private forget(link: Link, forget: readonly string[]): void {
    const since = link.sentVersion;
    if (forget.length > 0 && since !== null) link.send({ type: 'orders', since, version: since, orders: [], forget });
  }

  private async report(link: Link, report: ReportMessage): Promise<void> {
    if (!link.hasReported && !report.whole) {
      link.close(CLOSE.refused, 'The first report of a link has to be whole');
      return;
    }
    const waitMs = (this.writtenAt.get(link) ?? -REPORT_EVERY_MS) + 0.9 * REPORT_EVERY_MS - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    this.writtenAt.set(link, performance.now());
    const isPresent = await this.accounts.note(link.nodeId, link.epoch, report.accounts);
    const noted = isPresent ? await this.reports.note(link.nodeId, link.epoch, report) : null;
    if (noted === null) {
      link.close(CLOSE.replaced, 'A newer link of this node has taken its place');
      return;
    }
    if (noted.shown > MOST_SHOWN) {
      link.close(CLOSE.refused, 'More workloads were reported than a node can have');
      return;
    }
    this.metrics.report();
    link.send({ type: 'noted', number: report.number });
    this.forget(link, noted.ended);
    this.pubSub.publish(AGENT_TOPICS.reports, link.nodeId);
    for (const { deploymentId, replicaId } of noted.changed.slice(0, MOST_CHANGES))
      this.pubSub.publish(AGENT_TOPICS.changes, `${link.nodeId} ${deploymentId} ${replicaId}`);
    if (!link.hasReported || noted.changed.length > MOST_CHANGES) await this.jobs.enqueueNow([{ kind: 'node.sync', key: link.nodeId }]);
    link.hasReported = true;
  }

  private async rotate(link: Link, { publicKey, signature }: RotateMessage): Promise<void> {
    if (await this.isTooOften(link)) return;
    const key = Buffer.from(publicKey, 'base64url');
    if (!isSignedBy(key, rotationProof(link.nodeId, publicKey), signature)) {
      link.close(CLOSE.refused, 'The new key has not signed its rotation');
      return;
    }
    await this.identities.rotate(link.nodeId, link.identity.identity, key);
    link.send({ type: 'rotated', keyId: keyIdOf(key) });
  }

  private async resend(link: Link): Promise<void> {
    if (!(await this.isTooOften(link))) this.sendOrders(link, { whole: true });
  }

  /** Ends a link whose agent asks for what costs us more than it costs the agent, again and again. */
  private async isTooOften(link: Link): Promise<boolean> {
    try {
      await this.requests.take(link.nodeId);
      return false;
    } catch {
      link.close(CLOSE.refused, 'This was asked too often within a minute');
      return true;
    }
  }

  private async closed(link: Link): Promise<void> {
    this.lines.drop(link.nodeId, link.calls);
    if (this.links.get(link.nodeId) === link) this.links.delete(link.nodeId);
    if (this.isEnding) return;
    await this.rows.end([link]).catch(() => undefined);
    this.pubSub.publish(AGENT_TOPICS.reports, link.nodeId);
  }

  /** The database did not take it: the agent comes again and tells all of it anew. */
  private failed(link: Link, error: unknown): void {
    this.logger.warn(`The link of node ${link.identity.nodeName} is ended: ${error instanceof Error ? error.message : String(error)}`);
    link.close(1011, 'The control plane could not write it down; come again');
  }

  private async look(): Promise<void> {
    const held = [...this.links.values()];
    if (held.length === 0) return;
    const sent = new Map(held.map((link) => [link, link.sentVersion ?? -1]));
    const rows = await this.rows.of(held.map(({ nodeId }) => nodeId)).catch(() => null);
    if (rows === null) return;
    const byNode = new Map(rows.map((row) => [row.nodeId, row]));
    for (const link of held) {
      const row = byNode.get(link.nodeId);
      if (row?.identity !== link.identity.identity) link.close(CLOSE.refused, 'This machine is no longer that of its node');
      else if (row.epoch !== link.epoch) link.close(CLOSE.replaced, 'A newer link of this node has taken its place');
      else if (row.ordersVersion < (sent.get(link) ?? -1)) link.close(CLOSE.restarts, 'The database was set back; come again');
      else if (row.ordersVersion > (link.sentVersion ?? -1)) this.sendOrders(link);
    }
  }

  private async noteHeard(): Promise<void> {
    const heard = [...this.links.values()].filter((link) => link.takeHeard()).map(({ nodeId }) => nodeId);
    if (heard.length > 0) await this.rows.heard(heard, this.holder).catch(() => undefined);
  }

  /** Spread over a second, so that a thousand answers do not come at once. */
  private async ping(): Promise<void> {
    let count = 0;
    for (const link of [...this.links.values()]) {
      link.ping();
      if ((count += 1) % 50 === 0) await sleep(50);
    }
  }
}
