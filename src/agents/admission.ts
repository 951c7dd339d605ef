import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { Audit } from '../audit/audit';
import { inTransaction, type Tx } from '../database/transaction';
import { RateLimit } from '../rate-limits/rate-limit';
import {
  LINK_PROTOCOLS,
  linkProof,
  type HelloMessage,
  type LinkRefusal,
  type RefusedMessage,
  type WelcomeMessage,
} from '../runtime/agent/link-messages';
import { IdentitiesRepository, type Identity } from './identities.repository';
import { REPORT_EVERY_MS } from './link';
import { isSignedBy, keyIdOf } from './link-keys';
import { LinksRepository, type LockedLink } from './links.repository';
import { OrdersRepository } from './orders.repository';
import { Rivals } from './rivals';
import { notedMachine, sameMachine } from './same-machine';
import { Tickets } from './tickets';

/** Of one machine that has shown its key: it is let in and falls off again and again, or there are two of it. */
const HELLOS_PER_MINUTE = 30;

/** How many links may begin and fall silent while one machine waits to be let in. */
const MOST_RIVALS = 3;

/**
 * A machine that says that it has seen so many more orders than were ever given to its node is not believed: numbers that its
 * successor gets would come after them, and might be beyond what the protocol can say.
 */
const MOST_AHEAD = 1_000_000;

/** A machine that was let in. */
export interface Admitted {
  readonly welcome: WelcomeMessage;
  readonly epoch: number;
  readonly identity: Identity;
  /** How long ago an earlier link of the node was heard; null: never. */
  readonly heardSecondsAgo: number | null;
}

export interface Caller {
  /** The process that holds the connection. */
  readonly holder: string;
  readonly address: string;
  readonly nonce: string;
}

/** The link of another start of the agent, which may be another machine, or one that is gone. */
interface Rival {
  readonly rival: number;
  /** The machine that wants to come in has the ticket of that very link, so it was copied since. */
  readonly isCopiedSince: boolean;
}

interface Beginning {
  readonly hello: HelloMessage;
  readonly caller: Caller;
  readonly identity: Identity;
  readonly link: LockedLink;
  /** The agent has a ticket, or orders, that the database does not know: it was restored, or another one took its place. */
  readonly isSetBack: boolean;
  /** The newest version of orders that the agent has seen. */
  readonly seenVersion: number;
  readonly epoch: number;
}

const WORDS: Readonly<Record<Exclude<LinkRefusal, 'protocol'>, string>> = {
  try_later: 'This node has come too often within a minute: wait before the next attempt',
  unknown_node: 'This node is not registered any more, or no machine has joined it: ask an administrator for a join token',
  wrong_key: 'This is not the key of the node: ask an administrator for a new join token (POST /api/nodes/{id}/join-token)',
  second_machine:
    'Another machine with the same identity was linked after this one. If this machine is the right one, ask an administrator for a new join token (POST /api/nodes/{id}/join-token), and clear the copy',
  too_far_ahead:
    'This machine says that it has seen orders that are far newer than any that its node was given: clear its state, and ask an administrator for a new join token',
  other_engine:
    'This is another machine or another engine than the one that joined. If it is the right one, ask an administrator for a new join token (POST /api/nodes/{id}/join-token); if it is a copy, clear its state',
};

const ANOTHER_IS_LINKED: RefusedMessage = {
  type: 'refused',
  code: 'second_machine',
  message:
    'Another machine with the same identity is linked now, and answers. If this machine is the right one, stop the other one, ask an administrator for a new join token (POST /api/nodes/{id}/join-token), and clear the copy',
};

const UNCLEAR: RefusedMessage = {
  type: 'refused',
  code: 'try_later',
  message: 'This looks like another machine than the one that joined, and its engine, which could tell, does not answer',
};

/** Decides whether the machine behind a hello is that of its node, and makes its link the one that counts. */
@Injectable()
export class Admission {
  private readonly hellos = new RateLimit(HELLOS_PER_MINUTE);

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly identities: IdentitiesRepository,
    private readonly links: LinksRepository,
    private readonly orders: OrdersRepository,
    private readonly tickets: Tickets,
    private readonly rivals: Rivals,
    private readonly audit: Audit,
  ) {}

  async admit(hello: HelloMessage, caller: Caller): Promise<Admitted | RefusedMessage> {
    const { oldest, newest }: Record<keyof typeof LINK_PROTOCOLS, number> = LINK_PROTOCOLS;
    if (hello.protocol < oldest || hello.protocol > newest)
      return {
        type: 'refused',
        code: 'protocol',
        message: `This agent speaks version ${String(hello.protocol)} of the protocol, and the control plane ${String(oldest)} to ${String(newest)}: ${hello.protocol < oldest ? 'update the agent' : 'update the control plane first'}`,
      };
    const identity = await this.identities.find(hello.nodeId);
    if (!identity) return refused('unknown_node');
    const key = keyOf(identity, hello);
    if (!key || !isSignedBy(key, linkProof(caller.nonce, hello.nodeId, hello.sessionId), hello.signature)) return refused('wrong_key');
    // Counted only now: whoever knows no more than the id of a node cannot use up what its machine may ask.
    if (await this.isTooOften(hello.nodeId)) return refused('try_later');
    let silent: number | null = null;
    for (let rivals = 0; rivals < MOST_RIVALS; rivals++) {
      const decided: Admitted | RefusedMessage | Rival = await this.decide(hello, caller, { identity: identity.identity, silent });
      if (!('rival' in decided)) return decided;
      // No lock is held meanwhile. A link that has begun since is asked in its turn.
      if (await this.rivals.answers(hello.nodeId, decided.rival)) return this.refuseSecond(hello, caller, decided);
      silent = decided.rival;
    }
    return refused('try_later');
  }

  /**
   * Lets the machine in unless it is another one than that of the node, as far as the records tell. Of two that come at once the second
   * one sees here what the first one has left. `silent`: the link that was asked and does not answer.
   */
  private decide(
    hello: HelloMessage,
    caller: Caller,
    { identity: shown, silent }: { readonly identity: number; readonly silent: number | null },
  ): Promise<Admitted | RefusedMessage | Rival> {
    return inTransaction(this.dataSource, async (tx) => {
      const link = await this.links.lock(tx, hello.nodeId);
      const identity = link && (await this.identities.find(hello.nodeId, tx));
      if (!link || identity?.identity !== shown) return refused('unknown_node');
      const key = keyOf(identity, hello);
      if (!key) return refused('wrong_key');
      const which = sameMachine(identity.machine, hello.machine);
      if (which === 'unclear') return UNCLEAR;
      if (which === 'another') {
        await this.tellOfIntruder(tx, hello, caller, null);
        return refused('other_engine');
      }
      const ticket = this.ticketOf(hello, link);
      if (ticket === null) {
        await this.tellOfIntruder(tx, hello, caller, link.session);
        return refused('second_machine');
      }
      const seenVersion = Math.max(hello.ordersVersion, hello.seenVersion ?? 0);
      if (seenVersion > link.ordersVersion + MOST_AHEAD) return refused('too_far_ahead');
      const isAnother = link.holder !== null && link.session !== null && link.session !== hello.sessionId;
      if (isAnother && link.epoch !== silent) return { rival: link.epoch, isCopiedSince: ticket === link.epoch };
      if (key === identity.nextPublicKey) await this.identities.takeNextKey(tx, hello.nodeId, key);
      const isSetBack = ticket > link.epoch || seenVersion > link.ordersVersion;
      return this.begin(tx, { hello, caller, identity, link, isSetBack, seenVersion, epoch: Math.max(link.epoch, ticket) + 1 });
    });
  }

  private async refuseSecond(hello: HelloMessage, caller: Caller, { rival, isCopiedSince }: Rival): Promise<RefusedMessage> {
    await inTransaction(this.dataSource, async (tx) => {
      const link = await this.links.lock(tx, hello.nodeId);
      await this.tellOfIntruder(tx, hello, caller, link?.session ?? null);
    });
    if (isCopiedSince) this.rivals.renew(hello.nodeId, rival);
    return ANOTHER_IS_LINKED;
  }

  private async isTooOften(nodeId: string): Promise<boolean> {
    try {
      await this.hellos.take(nodeId);
      return false;
    } catch {
      return true;
    }
  }

  /** The number of the ticket that is shown; null when it is older than one that another machine has used since. */
  private ticketOf({ nodeId, ticket }: HelloMessage, { confirmedEpoch, confirmedKey }: LockedLink): number | null {
    const number = ticket === null ? null : this.tickets.read(nodeId, ticket);
    // Under another key nobody can show the right one, so the first machine that comes with the key of the node is taken for it.
    if (number === null) return confirmedEpoch === -1 || !this.tickets.canRead(confirmedKey) ? 0 : null;
    return number >= confirmedEpoch ? number : null;
  }

  private async begin(tx: Tx, { hello, caller, identity, link, isSetBack, seenVersion, epoch }: Beginning): Promise<Admitted> {
    const { nodeId } = hello;
    const { ordersVersion, heardSecondsAgo } = link;
    const { ticket, keyId } = this.tickets.issue(nodeId, epoch);
    await this.links.begin(tx, nodeId, { epoch, holder: caller.holder, session: hello.sessionId, keyId });
    await this.identities.forgetIntruder(tx, nodeId, { hostname: hello.machine.hostname, address: caller.address }, hello.sessionId);
    await this.identities.noteMachine(tx, nodeId, notedMachine(identity.machine, hello.machine));
    if (isSetBack) await this.orders.renumber(tx, nodeId, Math.max(seenVersion, ordersVersion));
    await this.orders.settle(tx, nodeId);
    const now = await this.links.lock(tx, nodeId);
    const welcome: WelcomeMessage = {
      type: 'welcome',
      installationId: identity.installationId,
      nodeName: identity.nodeName,
      ticket,
      reportEveryMs: REPORT_EVERY_MS,
      ordersVersion: now?.ordersVersion ?? 0,
    };
    // As to a machine that was never heard: it gets all orders, whatever it has.
    return { welcome, epoch, identity, heardSecondsAgo: isSetBack ? null : heardSecondsAgo };
  }

  /** `beside`: the start of the agent that is linked, or was last. */
  private async tellOfIntruder(tx: Tx, hello: HelloMessage, { address }: Caller, beside: string | null): Promise<void> {
    const { nodeId, machine } = hello;
    const { hostname } = machine;
    if (!(await this.identities.noteIntruder(tx, nodeId, { hostname, address, beside }))) return;
    await this.audit.recordSystem(tx, {
      action: 'node.second_machine',
      resourceType: 'node',
      resourceId: nodeId,
      after: { hostname, address },
    });
  }
}

const refused = (code: keyof typeof WORDS): RefusedMessage => ({ type: 'refused', code, message: WORDS[code] });

/** The key of the node that a hello says it is signed with. */
const keyOf = ({ publicKey, nextPublicKey }: Identity, { keyId }: HelloMessage): Buffer | undefined =>
  [publicKey, ...(nextPublicKey ? [nextPublicKey] : [])].find((each) => keyIdOf(each) === keyId);
