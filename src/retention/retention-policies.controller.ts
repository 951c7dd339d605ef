import { Body, Controller, Delete, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { AdminOnly } from '../auth/admin-only.decorator';
import { Command } from '../commands/command.decorator';
import { Context } from '../common/http/context.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { DryRunQueryDto } from '../common/validation/dry-run.query.dto';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { RequestContext } from '../common/request-context';
import { RefuseExtras } from '../common/http/refuse-extras.decorator';
import { ApiPolicyId } from './api-policy-id.decorator';
import { RetentionChangeDto } from './dto/retention-change.dto';
import {
  ChangeRetentionPolicyDto,
  CreateRetentionPolicyDto,
  RemovePolicyQueryDto,
  RetentionPoliciesDto,
  RetentionPolicyDto,
} from './dto/retention-policy.dto';
import type { PolicyRequest } from './policy-effects';
import { changedPolicyAnswer, madePolicyAnswer, type PolicyOutcome } from './retention-answers';
import { RetentionChanges } from './retention-changes.service';
import { readPolicy, readPolicyId } from './retention-value';

@ApiTags('admin')
@ApiBearerAuth()
@AdminOnly()
@Controller('admin/retention-policies')
export class RetentionPoliciesController {
  constructor(private readonly changes: RetentionChanges) {}

  @Get()
  @FailureWords('Failed to list retention policies')
  @ApiOperation({ summary: 'List how long deleted deployments are kept: the default and the policies' })
  @ApiOkResponse({ type: RetentionPoliciesDto })
  async list(): Promise<RetentionPoliciesDto> {
    const { defaultDays, policies } = await this.changes.list();
    return { default_days: defaultDays, policies: policies.map((policy) => RetentionPolicyDto.from(policy)) };
  }

  @Post()
  @Command(madePolicyAnswer)
  @FailureWords('The retention policy was not made')
  @ApiOperation({ summary: 'Make a retention policy for a label, a user or a type' })
  @ApiCreatedResponse({ type: RetentionChangeDto, headers: { Location: { description: 'The policies.', schema: { type: 'string' } } } })
  @ApiProblem('already_exists', 'conflict')
  create(
    @Body() body: CreateRetentionPolicyDto,
    @Query() { dry_run: dryRun }: DryRunQueryDto,
    @Context() context: RequestContext,
  ): Promise<PolicyOutcome> {
    return this.fulfil({ policy: readPolicy(body), applyToDeleted: body.apply_to_deleted }, dryRun, context);
  }

  @Patch(':id')
  @Command(changedPolicyAnswer)
  @FailureWords('The retention policy was not changed')
  @ApiPolicyId()
  @ApiOperation({ summary: 'Change the days of a retention policy' })
  @ApiOkResponse({ type: RetentionChangeDto })
  @ApiProblem('not_found', 'conflict')
  change(
    @Param('id') id: string,
    @Body() body: ChangeRetentionPolicyDto,
    @Query() { dry_run: dryRun }: DryRunQueryDto,
    @Context() context: RequestContext,
  ): Promise<PolicyOutcome> {
    return this.fulfil({ id: readPolicyId(id), days: body.days, applyToDeleted: body.apply_to_deleted }, dryRun, context);
  }

  @Delete(':id')
  @RefuseExtras('body')
  @Command(changedPolicyAnswer)
  @FailureWords('The retention policy was not removed')
  @ApiPolicyId()
  @ApiOperation({ summary: 'Remove a retention policy' })
  @ApiOkResponse({ type: RetentionChangeDto })
  @ApiProblem('not_found', 'conflict')
  remove(
    @Param('id') id: string,
    @Query() { dry_run: dryRun, apply_to_deleted: applyToDeleted }: RemovePolicyQueryDto,
    @Context() context: RequestContext,
  ): Promise<PolicyOutcome> {
    return this.fulfil({ id: readPolicyId(id), days: null, applyToDeleted }, dryRun, context);
  }

  private async fulfil(request: PolicyRequest, dryRun: boolean, context: RequestContext): Promise<PolicyOutcome> {
    return dryRun ? { preview: await this.changes.preview(request) } : this.changes.apply(request, context);
  }
}
