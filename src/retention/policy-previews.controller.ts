import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { AdminOnly } from '../auth/admin-only.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { RefuseExtras } from '../common/http/refuse-extras.decorator';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import { ApiPolicyId } from './api-policy-id.decorator';
import { RetentionChangeDto } from './dto/retention-change.dto';
import { ChangeRetentionPolicyDto, CreateRetentionPolicyDto, RemovalPreviewQueryDto } from './dto/retention-policy.dto';
import type { PolicyRequest } from './policy-effects';
import { policyBody } from './retention-answers';
import { RetentionChanges } from './retention-changes.service';
import { readPolicy, readPolicyId } from './retention-value';

/** What changes of retention policies would mean; writes nothing. */
@ApiTags('admin')
@ApiBearerAuth()
@AdminOnly()
@Controller('admin/retention-policies')
export class PolicyPreviewsController {
  constructor(private readonly changes: RetentionChanges) {}

  @Post('preview')
  @HttpCode(200)
  @RefuseExtras('query')
  @FailureWords('Failed to preview the retention policy')
  @ApiOperation({ summary: 'See what a new retention policy would mean' })
  @ApiOkResponse({ type: RetentionChangeDto })
  @ApiProblem('already_exists', 'conflict')
  previewCreate(@Body() body: CreateRetentionPolicyDto): Promise<RetentionChangeDto> {
    return this.preview({ policy: readPolicy(body), applyToDeleted: body.apply_to_deleted });
  }

  @Post(':id/preview')
  @HttpCode(200)
  @RefuseExtras('query')
  @FailureWords('Failed to preview the change of the retention policy')
  @ApiPolicyId()
  @ApiOperation({ summary: 'See what other days of a retention policy would mean' })
  @ApiOkResponse({ type: RetentionChangeDto })
  @ApiProblem('not_found', 'conflict')
  previewChange(@Param('id') id: string, @Body() body: ChangeRetentionPolicyDto): Promise<RetentionChangeDto> {
    return this.preview({ id: readPolicyId(id), days: body.days, applyToDeleted: body.apply_to_deleted });
  }

  @Get(':id/removal-preview')
  @FailureWords('Failed to preview the removal of the retention policy')
  @ApiPolicyId()
  @ApiOperation({ summary: 'See what the end of a retention policy would mean' })
  @ApiOkResponse({ type: RetentionChangeDto })
  @ApiProblem('not_found', 'conflict')
  previewRemoval(@Param('id') id: string, @Query() query: RemovalPreviewQueryDto): Promise<RetentionChangeDto> {
    return this.preview({ id: readPolicyId(id), days: null, applyToDeleted: query.apply_to_deleted });
  }

  private async preview(request: PolicyRequest): Promise<RetentionChangeDto> {
    return policyBody({ preview: await this.changes.preview(request) });
  }
}
