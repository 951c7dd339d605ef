import { Injectable } from '@nestjs/common';
import { timingSafeEqual } from 'node:crypto';
import { SecretBox } from '../common/crypto/secret-box';

const TICKET = /^(\d{1,16})\.([0-9a-f]+)$/;

/**
 * Tickets number the links of a node. A machine shows the last one that reached its disk; of two copies of a machine only one can show
 * the newest. They are sealed with the key of the installation, so nobody can make up a newer one.
 */
@Injectable()
export class Tickets {
  constructor(private readonly box: SecretBox) {}

  /** With the id of the key that it is sealed with. */
  issue(nodeId: string, epoch: number): { readonly ticket: string; readonly keyId: number } {
    const seal = this.box.fingerprint(String(epoch), placeOf(nodeId));
    return { ticket: `${String(epoch)}.${seal}`, keyId: this.box.sealsWith };
  }

  /** Whether tickets that were sealed with this key can be read. */
  canRead(keyId: number | null): boolean {
    return keyId === null || this.box.keyIds.includes(keyId);
  }

  /** The number of a ticket of this node; null for anything else. */
  read(nodeId: string, ticket: string): number | null {
    const [, number, seal] = TICKET.exec(ticket) ?? [];
    if (number === undefined || seal === undefined) return null;
    const given = Buffer.from(seal);
    const rights = this.box.fingerprints(String(Number(number)), placeOf(nodeId)).map((right) => Buffer.from(right));
    return rights.some((right) => given.length === right.length && timingSafeEqual(given, right)) ? Number(number) : null;
  }
}

const placeOf = (nodeId: string): string => `agent ticket ${nodeId}`;
