import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import type { RequestContext } from '../common/request-context';
import { AppConfig } from '../config/app-config';
import { inTransaction } from '../database/transaction';
import { judgeDeletion } from '../deletions/deletion-decision';
import { DeletionsRepository } from '../deletions/deletions.repository';
import { brakePolicy, brakeWords } from './brake';
import { BulkDeleteService } from './bulk-delete.service';
import { bulkOptionsOf } from './bulk-request';
import type { BulkDeleteRequestDto } from './dto/bulk-delete-request.dto';
import type { BulkPreviewDto, BulkPreviewItemDto } from './dto/bulk-preview.dto';
import { OperationsRepository } from './operations.repository';

/** What a bulk deletion would do, by the same judgement as the real one. Writes nothing and locks no deployment. */
@Injectable()
export class BulkPreviewService {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly config: AppConfig,
    private readonly bulk: BulkDeleteService,
    private readonly deletions: DeletionsRepository,
    private readonly operations: OperationsRepository,
  ) {}

  preview(request: BulkDeleteRequestDto, context: RequestContext): Promise<BulkPreviewDto> {
    bulkOptionsOf(request, this.config);
    return inTransaction(this.dataSource, async (tx) => {
      const ids = await this.bulk.select(tx, request, context);
      const candidates = new Map((await this.deletions.look(tx, ids, context.actor)).map((candidate) => [candidate.id, candidate]));
      const items = ids.map((id): BulkPreviewItemDto => {
        const verdict = judgeDeletion(candidates.get(id), null);
        if ('error' in verdict) return { deployment_id: id, outcome: 'refused', code: verdict.error.code, detail: verdict.error.detail };
        return { deployment_id: id, outcome: 'deleted', code: null, detail: null, name: verdict.candidate.name };
      });
      const wanted = items.filter(({ outcome }) => outcome === 'deleted').length;
      const reading = { ...(await this.operations.readFleet(tx)), wanted };
      return {
        dry_run: true,
        total: items.length,
        would_delete: request.all_or_nothing && wanted < items.length ? 0 : wanted,
        would_refuse: items.length - wanted,
        needs_confirmation: brakeWords(reading, brakePolicy(this.config)),
        items,
      };
    });
  }
}
