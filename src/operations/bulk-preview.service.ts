import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { Actor } from '../common/request-context';
import { AppConfig } from '../config/app-config';
import { inTransaction } from '../database/transaction';
import { judgeDeletion } from '../deletions/deletion-decision';
import { DeletionsRepository } from '../deletions/deletions.repository';
import { brakePolicies, brakeWords } from './brake';
import { BrakeRepository } from './brake.repository';
import type { BulkDeletionRequest } from './bulk-request';
import { BulkSelectionService } from './bulk-selection.service';

/** What a bulk deletion would do. */
export interface BulkPreview {
  /** For each deployment in the order of the request: the deployment that would be deleted, or the refusal. */
  readonly verdicts: readonly ({ readonly id: string } & ReturnType<typeof judgeDeletion>)[];
  /** How many would be deleted: none when it is all or nothing and one is refused. */
  readonly wouldDelete: number;
  readonly wouldRefuse: number;
  /** Why an administrator would have to confirm it first, in words; null: no confirmation is needed. */
  readonly needsConfirmation: string | null;
}

/** Says what a bulk deletion would do, with the same decision as the real one. Writes nothing and locks no deployment. */
@Injectable()
export class BulkPreviewService {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly config: AppConfig,
    private readonly selections: BulkSelectionService,
    private readonly deletions: DeletionsRepository,
    private readonly brake: BrakeRepository,
  ) {}

  /** Throws `validation_failed` for a filter that finds too many. */
  preview({ selection, allOrNothing }: BulkDeletionRequest, actor: Actor): Promise<BulkPreview> {
    return inTransaction(this.dataSource, async (tx) => {
      const ids = await this.selections.select(tx, selection, actor);
      const candidates = new Map((await this.deletions.look(tx, ids, actor)).map((candidate) => [candidate.id, candidate]));
      const verdicts = ids.map((id) => ({ id, ...judgeDeletion(candidates.get(id), null) }));
      const owners = verdicts.flatMap((verdict) => ('candidate' in verdict ? [verdict.candidate.userId] : []));
      const wanted = owners.length;
      const words = brakeWords(await this.brake.preview(tx, owners), brakePolicies(this.config));
      const wouldRefuse = verdicts.length - wanted;
      return {
        verdicts,
        wouldDelete: allOrNothing && wouldRefuse > 0 ? 0 : wanted,
        wouldRefuse,
        needsConfirmation: (actor.isAdmin ? words?.forAdministrators : words?.forUser) ?? null,
      };
    });
  }
}
