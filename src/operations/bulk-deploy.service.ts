import { Injectable } from '@nestjs/common';
import { Commands, type Decided } from '../commands/commands';
import { problemOf } from '../common/problem/to-problem';
import type { Actor, RequestContext } from '../common/request-context';
import type { Tx } from '../database/transaction';
import type { AskedDeployment } from '../deployments/many/asked-deployment';
import { DeployManyService, mayDeployAgain, type DeployResult } from '../deployments/many/deploy-many.service';
import { DecidedOperationsRepository, type DecidedItem } from './decided-operations.repository';
import { BulkDeployPreviewDto, BulkDeployPreviewItemDto } from './dto/bulk-deploy-preview.dto';
import { OperationQuota } from './operation-quota';
import { OperationViewsService } from './operation-views.service';
import type { OperationReport } from './operation.types';
import { originOf } from './origin';

/** A bulk deploy as it was asked for. */
export interface BulkDeployRequest {
  /** The bodies of single deploys, unchecked. */
  readonly deployments: readonly unknown[];
  readonly allOrNothing: boolean;
  /** The name or id of the project that gets them; null: the personal one. */
  readonly project: string | null;
}

/**
 * Deploys many in one transaction, which also records the operation with the result of each. Nothing of it is left to a worker, so the
 * operation has ended when it is answered.
 */
@Injectable()
export class BulkDeployService {
  constructor(
    private readonly commands: Commands,
    private readonly deploys: DeployManyService,
    private readonly operations: DecidedOperationsRepository,
    private readonly views: OperationViewsService,
    private readonly quota: OperationQuota,
  ) {}

  /**
   * Throws `not_found` and `role_required` for the project, `quota_exceeded` when the user has too many items in operations, and
   * `try_again` when others take names or routes of these deployments at this moment. The refusal of a single deployment is part of
   * the report.
   */
  async deploy({ deployments, allOrNothing, project }: BulkDeployRequest, context: RequestContext): Promise<OperationReport> {
    const asked = await this.deploys.read(deployments);
    return this.commands.run(context, (tx, attempt) => this.deployIn(tx, { asked, allOrNothing, project, attempt }, context), {
      retryOn: mayDeployAgain,
    });
  }

  /** What would become of each now. Writes nothing. */
  async preview({ deployments, allOrNothing, project }: BulkDeployRequest, actor: Actor): Promise<BulkDeployPreviewDto> {
    const asked = await this.deploys.read(deployments);
    const previewed = await this.deploys.preview(asked, project, actor);
    const refused = previewed.filter((each) => 'refusal' in each).length;
    return {
      dry_run: true,
      total: previewed.length,
      would_create: allOrNothing && refused > 0 ? 0 : previewed.length - refused,
      would_refuse: refused,
      items: previewed.map((each, index) => BulkDeployPreviewItemDto.of(asked[index]?.name ?? null, each)),
    };
  }

  private async deployIn(
    tx: Tx,
    { asked, allOrNothing, project, attempt }: Attempt,
    context: RequestContext,
  ): Promise<Decided<OperationReport>> {
    const { actor } = context;
    await this.quota.require(tx, actor, { open: 0, items: asked.length });
    const { results, audit, manyJobs } = await this.deploys.deployIn(tx, asked, context, { project, allOrNothing, attempt });
    const refused = results.filter((result) => 'refusal' in result).length;
    const created = results.filter((result) => 'id' in result).length;
    const failure = created === 0 && allOrNothing ? `Nothing was deployed: ${refused} of ${results.length} deployments were refused` : null;
    const items = results.map((result, index) => itemOf(asked[index]?.name ?? null, result, failure));
    const origin = originOf(context);
    const id = await this.operations.insert(tx, { kind: 'bulk_deploy', userId: actor.userId, origin, allOrNothing, failure, items });
    const after = { deployments: results.length, created, refused, all_or_nothing: allOrNothing };
    return {
      outcome: await this.views.getIn(tx, id, actor),
      audit: [{ action: 'deployment.bulk_deploy', resourceType: 'operation', resourceId: id, after }, ...audit],
      manyJobs,
    };
  }
}

interface Attempt extends Pick<BulkDeployRequest, 'allOrNothing' | 'project'> {
  readonly asked: readonly AskedDeployment[];
  readonly attempt: number;
}

function itemOf(name: string | null, result: DeployResult, failure: string | null): DecidedItem {
  const nothing = { deploymentId: null, name, code: null, detail: null, problem: null };
  if ('id' in result) return { ...nothing, deploymentId: result.id, state: 'created' };
  if ('left' in result) return { ...nothing, state: 'cancelled', detail: failure };
  const { code, detail } = result.refusal;
  return { ...nothing, state: 'refused', code, detail, problem: problemOf(result.refusal) };
}
