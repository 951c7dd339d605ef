import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/problem/domain-error';
import type { Actor } from '../common/request-context';
import { DeletionLedgerRepository } from './deletion-ledger.repository';
import { ledgerOf } from './deletion-ledger';
import { DeletionLedgerDto } from './dto/deletion-ledger.dto';
import { deploymentNotFound } from '../deployments/refusals';

/** Reads how far a deletion is. */
@Injectable()
export class DeletionLedgerService {
  constructor(private readonly ledgers: DeletionLedgerRepository) {}

  /**
   * The newest deletion, or that of a generation. Throws `not_found`; owners and administrators are told that there was no
   * deletion.
   */
  async ledger(id: string, actor: Actor, generation: number | null): Promise<DeletionLedgerDto> {
    const found = await this.ledgers.find(id, actor, generation);
    if (!found) throw deploymentNotFound(id);
    if (!found.deletion)
      throw new DomainError(
        'not_found',
        `Deployment ${id} has ${generation === null ? 'never been deleted' : 'no deletion of this generation'}`,
      );
    return DeletionLedgerDto.from(id, found.deletion, ledgerOf(found.deletion));
  }
}
