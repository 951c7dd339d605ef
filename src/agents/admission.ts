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
import { isSignedBy, keyIdOf } from './link-keys';
import { LinksRepository, type LockedLink } from './links.repository';
import { OrdersRepository } from './orders.repository';
import { notedMachine, sameMachine } from './same-machine';
import { Tickets } from './tickets';

/** At most so often a changed state is reported. */
export const REPORT_EVERY_MS = 1_000;

/** Of one machine that has shown its key: it is let in and falls off again and again, or there are two of it. */
const HELLOS_PER_MINUTE = 30;

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

const UNCLEAR: RefusedMessage = {
  ...{ type: 'refused', code: 'try_later' },
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
    private readonly audit: Audit,
  ) {}

  async admit(hello: HelloMessage, caller: Caller): Promise<Admitted | RefusedMessage> {
    const { oldest, newest }: Record<keyof typeof LINK_PROTOCOLS, number> = LINK_PROTOCOLS;
    if (hello.protocol < oldest || hello.protocol > newest)
      return {
        ...{ type: 'refused', code: 'protocol' },
        message: `This agent speaks version ${String(hello.protocol)} of the protocol, and the control plane ${String(oldest)} to ${String(newest)}: ${hello.protocol < oldest ? 'update the agent' : 'update the control plane first'}`,
      };
    const identity = await this.identities.find(hello.nodeId);
    if (!identity) return refused('unknown_node');
    const keys = [identity.publicKey, ...(identity.nextPublicKey ? [identity.nextPublicKey] : [])];
    const key = keys.find((each) => keyIdOf(each) === hello.keyId);
    if (!key || !isSignedBy(key, linkProof(caller.nonce, hello.nodeId, hello.sessionId), hello.signature)) return refused('wrong_key');
    // Counted only now: whoever knows no more than the id of a node cannot use up what its machine may ask.
    if (await this.isTooOften(hello.nodeId)) return refused('try_later');
    const which = sameMachine(identity.machine, hello.machine);
    if (which === 'unclear') return UNCLEAR;
    return inTransaction(this.dataSource, async (tx) => {
      const link = await this.links.lock(tx, hello.nodeId);
      if (!link || link.identity !== identity.identity) return refused('unknown_node');
      if (which === 'another') {
        await this.tellOfIntruder(tx, hello, caller);
        return refused('other_engine');
      }
      const ticket = this.ticketOf(hello, link);
      if (ticket === null) {
        await this.tellOfIntruder(tx, hello, caller);
        return refused('second_machine');
      }
      const seenVersion = Math.max(hello.ordersVersion, hello.seenVersion ?? 0);
      if (seenVersion > link.ordersVersion + MOST_AHEAD) return refused('too_far_ahead');
      if (key === identity.nextPublicKey) await this.identities.takeNextKey(tx, hello.nodeId, key);
      const isSetBack = ticket > link.epoch || seenVersion > link.ordersVersion;
      return this.begin(tx, { hello, caller, identity, link, isSetBack, seenVersion, epoch: Math.max(link.epoch, ticket) + 1 });
    });
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
    await this.links.begin(tx, nodeId, { epoch, holder: caller.holder, keyId });
    await this.identities.forgetIntruder(tx, nodeId, { hostname: hello.machine.hostname, address: caller.address });
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

  private async tellOfIntruder(tx: Tx, { nodeId, machine: { hostname } }: HelloMessage, { address }: Caller): Promise<void> {
    if (!(await this.identities.noteIntruder(tx, nodeId, { hostname, address }))) return;
    await this.audit.recordSystem(tx, {
      ...{ action: 'node.second_machine', resourceType: 'node', resourceId: nodeId },
      after: { hostname, address },
    });
  }
}

const refused = (code: keyof typeof WORDS): RefusedMessage => ({ type: 'refused', code, message: WORDS[code] });
