import { Body, Controller, Delete, Get, HttpStatus, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { AdminOnly } from '../auth/admin-only.decorator';
import { Context } from '../common/http/context.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { RequestContext } from '../common/request-context';
import { RefuseExtras } from '../common/http/refuse-extras.decorator';
import { Idempotent } from '../idempotency/idempotent.decorator';
import { RetentionChanges, type PolicyEffect } from './retention-changes.service';
import { RetentionChangeDto } from './dto/retention-change.dto';
import {
  ChangePolicyQueryDto,
  ChangeRetentionPolicyDto,
  CreateRetentionPolicyDto,
  RemovePolicyQueryDto,
  RetentionPoliciesDto,
} from './dto/retention-policy.dto';
import { changeAnswer, policyAnswer } from './retention-answers';
import { readPolicy } from './retention-value';

const PATH = '/api/admin/retention-policies';
const PolicyId = (): MethodDecorator => ApiParam({ name: 'id', format: 'uuid' });

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
  @ApiProblem('unauthenticated', 'admin_required')
  async list(): Promise<RetentionPoliciesDto> {
    const { defaultDays, policies } = await this.changes.list();
    return { default_days: defaultDays, policies: policies.map(policyAnswer) };
  }

  @Post()
  @Idempotent()
  @FailureWords('The retention policy was not made')
  @ApiOperation({ summary: 'Make a retention policy for a label, a user or a type; with a preview' })
  @ApiCreatedResponse({ type: RetentionChangeDto, headers: { Location: { description: 'The policies.', schema: { type: 'string' } } } })
  @ApiOkResponse({ type: RetentionChangeDto, description: 'A dry run' })
  @ApiProblem('malformed_json', 'invalid_request')
  @ApiProblem('admin_required', 'read_only_token')
  @ApiProblem('already_exists', 'conflict', 'idempotency_in_progress')
  @ApiProblem('validation_failed', 'idempotency_key_reused')
  async create(
    @Body() body: CreateRetentionPolicyDto,
    @Query() { dry_run: dryRun }: ChangePolicyQueryDto,
    @Context() context: RequestContext,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RetentionChangeDto> {
    const options = { dryRun, applyToDeleted: body.apply_to_deleted };
    const created = (effect: PolicyEffect): { status: number; body: RetentionChangeDto; location: string } => ({
      status: HttpStatus.CREATED,
      body: changeAnswer(effect, false),
      location: PATH,
    });
    const effect = await this.changes.create(readPolicy(body), options, context, created);
    if (dryRun) void reply.status(HttpStatus.OK);
    else void reply.header('Location', PATH);
    return changeAnswer(effect, dryRun);
  }

  @Patch(':id')
  @FailureWords('The retention policy was not changed')
  @PolicyId()
  @ApiOperation({ summary: 'Change the days of a retention policy; with a preview' })
  @ApiOkResponse({ type: RetentionChangeDto })
  @ApiProblem('malformed_json', 'invalid_request')
  @ApiProblem('admin_required', 'read_only_token')
  @ApiProblem('not_found', 'conflict', 'validation_failed')
  async change(
    @Param('id') id: string,
    @Body() body: ChangeRetentionPolicyDto,
    @Query() { dry_run: dryRun }: ChangePolicyQueryDto,
    @Context() context: RequestContext,
  ): Promise<RetentionChangeDto> {
    const options = { dryRun, applyToDeleted: body.apply_to_deleted };
    return changeAnswer(await this.changes.change(id, body.days, options, context), dryRun);
  }

  @Delete(':id')
  @RefuseExtras('body')
  @Idempotent()
  @FailureWords('The retention policy was not removed')
  @PolicyId()
  @ApiOperation({ summary: 'Remove a retention policy; with a preview' })
  @ApiOkResponse({ type: RetentionChangeDto })
  @ApiProblem('invalid_request', 'admin_required', 'read_only_token', 'not_found')
  @ApiProblem('conflict', 'idempotency_in_progress')
  @ApiProblem('validation_failed', 'idempotency_key_reused')
  async remove(
    @Param('id') id: string,
    @Query() { dry_run: dryRun, apply_to_deleted: applyToDeleted }: RemovePolicyQueryDto,
    @Context() context: RequestContext,
  ): Promise<RetentionChangeDto> {
    const removed = (effect: PolicyEffect): { status: number; body: RetentionChangeDto } => ({
      status: HttpStatus.OK,
      body: changeAnswer(effect, false),
    });
    return changeAnswer(await this.changes.remove(id, { dryRun, applyToDeleted }, context, removed), dryRun);
  }
}
