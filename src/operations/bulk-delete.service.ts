import { Injectable } from '@nestjs/common';
import type { RequestContext } from '../common/request-context';
import type { BulkDeletionRequest } from './bulk-request';
import { BulkSelectionService } from './bulk-selection.service';
import { OperationIntake } from './operation-intake';
import type { OperationReport } from './operation.types';

/** Deletes many deployments. */
@Injectable()
export class BulkDeleteService {
  constructor(
    private readonly selections: BulkSelectionService,
    private readonly intake: OperationIntake,
  ) {}

  /**
   * Throws `validation_failed` for a filter that finds too many deployments. The refusal of a single deployment is part
   * of the report.
   */
  delete(request: BulkDeletionRequest, context: RequestContext): Promise<OperationReport> {
    const { selection, options, allOrNothing, waitSeconds, sentFilter } = request;
    return this.intake.accept(
      {
        kind: 'bulk_delete',
        options,
        allOrNothing,
        select: (tx) => this.selections.select(tx, selection, context.actor),
        details: {
          grace_seconds: options.graceSeconds,
          force: options.force,
          keep_warm_seconds: options.keepWarmSeconds,
          all_or_nothing: allOrNothing,
          filter: sentFilter,
        },
        waitSeconds,
      },
      context,
    );
  }
}
