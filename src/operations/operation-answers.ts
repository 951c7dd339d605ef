import type { Answer } from '../common/http/answer';
import type { BulkPreview } from './bulk-preview.service';
import type { BulkDeployPreviewDto } from './dto/bulk-deploy-preview.dto';
import { BulkPreviewDto } from './dto/bulk-preview.dto';
import { OperationDto } from './dto/operation.dto';
import type { OperationReport } from './operation.types';

/** Where an operation can be followed. */
const operationPath = (id: string): string => `/api/operations/${id}`;

/** What a bulk deploy has made, or with `dry_run` would make. */
export const bulkDeployAnswer = (outcome: OperationReport | { readonly preview: BulkDeployPreviewDto }): Answer =>
  'preview' in outcome ? { status: 200, body: outcome.preview } : bulkRestoreAnswer(outcome);

/** 200 when the operation has ended, else 202; either way with its address. */
export const bulkRestoreAnswer = (report: OperationReport): Answer => ({
  status: report.operation.finishedAt === null ? 202 : 200,
  body: OperationDto.of(report),
  location: operationPath(report.operation.id),
});

/** The same as for a restore; with `dry_run` what would happen to each deployment. */
export const bulkDeleteAnswer = (outcome: OperationReport | { readonly preview: BulkPreview }): Answer =>
  'preview' in outcome ? { status: 200, body: BulkPreviewDto.of(outcome.preview) } : bulkRestoreAnswer(outcome);

/** An operation that was confirmed or cancelled. */
export const operationChangeAnswer = (report: OperationReport): Answer => ({ status: 200, body: OperationDto.of(report) });
