import { hostname } from 'node:os';
import { VERSION } from '../../common/version';
import {
  LINK_PROTOCOLS,
  linkProof,
  rotationProof,
  type CallMessage,
  type ChallengeMessage,
  type FromAgent,
  type Machine,
  type OrdersMessage,
  type RefusedMessage,
  type ToAgent,
  type WelcomeMessage,
} from '../../runtime/agent/link-messages';
import type { AgentLog } from '../agent-log';
import { hostId } from '../identity/host-id';
import type { Identity, Joined } from '../identity/identity';
import { signedBy } from '../identity/key-pair';
import type { Connection } from './connection';

/** A key lives for days, and a link may be up for months. */
const KEY_LOOK_MS = 24 * 3_600_000;

export interface SessionParts {
  readonly identity: Identity;
  readonly joined: Joined;
  /** Of this start of the agent. */
  readonly sessionId: string;
  /** Of the engine that answers now, which tells this machine from a copy of its folder; null: none does. */
  readonly engineId: string | null;
  readonly log: AgentLog;
  readonly ticket: () => string | null;
  /** Resolves when the disk has the ticket, and the newest version of orders that there is. */
  readonly keepWelcome: (welcome: { readonly ticket: string; readonly ordersVersion: number }) => Promise<void>;
  /** The newest version of orders on the disk, and the newest that was ever there. */
  readonly versions: () => { readonly held: number; readonly seen: number };
  readonly onUp: (up: { readonly send: (message: FromAgent) => void; readonly reportEveryMs: number }) => void;
  readonly onDown: () => void;
  readonly onOrders: (message: OrdersMessage) => Promise<'taken' | 'resend'>;
  readonly onNoted: (number: number) => void;
  readonly onCall: (call: CallMessage) => void;
  readonly onMore: (id: string, lines: number) => void;
  readonly onCancel: (id: string) => void;
  readonly onRefused: (refused: RefusedMessage) => void;
  /** How often it is looked whether the key is old. */
  readonly keyLookMs?: number;
}

/** What the machine says of itself. */
export const thisMachine = (machineId: string): Machine => ({
  hostname: hostname(),
  machineId,
  platform: `${process.platform} ${process.arch}`,
  programVersion: VERSION,
});

/** The agent's side of one connection, message by message, in the order of `link-messages.ts`. */
export class Session {
  private isUp = false;
  private isOver = false;
  private keyLooks: NodeJS.Timeout | undefined;
  /** The agent itself will not work with this control plane, and said why. */
  isRefusing = false;

  constructor(private readonly parts: SessionParts) {}

  async receive(message: ToAgent, connection: Connection): Promise<void> {
    if (message.type === 'challenge') this.hello(message, connection);
    else if (message.type === 'welcome') await this.welcome(message, connection);
    else if (message.type === 'refused') this.refused(message, connection);
    else if (this.isUp) await this.linked(message, connection);
  }

  /** The connection has ended. */
  end(): void {
    this.isOver = true;
    if (this.isUp) this.parts.onDown();
    this.isUp = false;
    clearInterval(this.keyLooks);
  }

  private async linked(
    message: Exclude<ToAgent, ChallengeMessage | WelcomeMessage | RefusedMessage>,
    connection: Connection,
  ): Promise<void> {
    switch (message.type) {
      case 'orders':
        if ((await this.parts.onOrders(message)) === 'resend') connection.send({ type: 'resend' });
        break;
      case 'noted':
        this.parts.onNoted(message.number);
        break;
      case 'rotated':
        await this.parts.identity.rotated(message.keyId);
        break;
      case 'call':
        this.parts.onCall(message);
        break;
      case 'more':
        this.parts.onMore(message.id, message.lines);
        break;
      case 'cancel':
        this.parts.onCancel(message.id);
        break;
    }
  }

  private hello({ nonce, protocols }: ChallengeMessage, connection: Connection): void {
    const { identity, joined, sessionId, engineId } = this.parts;
    const versions = this.parts.versions();
    const protocol = Math.min(LINK_PROTOCOLS.newest, protocols.newest);
    if (protocol < Math.max(LINK_PROTOCOLS.oldest, protocols.oldest)) {
      const [older, newer] = protocols.newest < LINK_PROTOCOLS.oldest ? ['control plane', 'agent'] : ['agent', 'control plane'];
      this.refuse(`The ${older} is too old for this ${newer}: update the ${older}`, connection);
      return;
    }
    connection.send({
      type: 'hello',
      protocol,
      nodeId: joined.nodeId,
      sessionId,
      signature: identity.sign(linkProof(nonce, joined.nodeId, sessionId)),
      keyId: identity.keyId,
      ticket: this.parts.ticket(),
      ordersVersion: versions.held,
      seenVersion: versions.seen,
      machine: { ...thisMachine(identity.machineId), engineId, hostId: hostId() },
    });
  }

  private async welcome({ ticket, ordersVersion, reportEveryMs }: WelcomeMessage, connection: Connection): Promise<void> {
    const { seen } = this.parts.versions();
    if (ordersVersion < seen) {
      const words = `The control plane knows orders up to version ${ordersVersion}, and this machine has seen version ${seen}`;
      this.refuse(`${words}: its database was set back. Nothing is changed here; docs/edge.md says what to do`, connection);
      return;
    }
    await this.parts.identity.welcomed();
    await this.parts.keepWelcome({ ticket, ordersVersion });
    if (this.isOver) return;
    this.isUp = true;
    this.parts.onUp({ send: (message) => connection.send(message), reportEveryMs });
    this.keyLooks = setInterval(() => void this.renewKey(connection), this.parts.keyLookMs ?? KEY_LOOK_MS).unref();
    await this.renewKey(connection);
  }

  /** Offers the control plane a new key once the present one is old. A disk that does not take one is no reason to end the link. */
  private async renewKey(connection: Connection): Promise<void> {
    const { identity, joined, log } = this.parts;
    try {
      const next = await identity.nextKey(new Date());
      if (next === null) return;
      const { publicKey } = next;
      connection.send({ type: 'rotate', publicKey, signature: signedBy(next, rotationProof(joined.nodeId, publicKey)) });
    } catch (error) {
      log.warn(`The disk does not take a new key, and the old one is used on: ${String(error)}`);
    }
  }

  private refused(message: RefusedMessage, connection: Connection): void {
    this.parts.onRefused(message);
    connection.end(`The control plane refuses this agent (${message.code}): ${message.message}`);
  }

  private refuse(words: string, connection: Connection): void {
    this.isRefusing = true;
    connection.end(words);
  }
}
