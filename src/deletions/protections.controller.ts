import { Body, Controller, Delete, Param, Put, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { AdminOnly } from '../auth/admin-only.decorator';
import { Context } from '../common/http/context.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { RequestContext } from '../common/request-context';
import { Idempotent } from '../idempotency/idempotent.decorator';
import { ProtectionDto, ReasonDto } from './dto/protection.dto';
import { ETAG_HEADER } from '../deployments/etag';
import { ProtectionService } from './protection.service';
import type { Safeguard } from './protections.repository';
import { RefuseExtras } from '../common/http/refuse-extras.decorator';
import { ApiDeploymentId } from '../deployments/api-deployment-id.decorator';
import { requireDeploymentId } from '../deployments/refusals';

const ApiAnswer = (): MethodDecorator => ApiOkResponse({ type: ProtectionDto, headers: ETAG_HEADER });

/** What keeps deployments from being deleted. */
@ApiTags('deployments')
@ApiBearerAuth()
@ApiProblem('unauthenticated', 'inactive_user', 'read_only_token', 'rate_limited', 'internal', 'not_found', 'invalid_request', 'try_again')
@ApiProblem('malformed_json', 'payload_too_large', 'unsupported_media_type', 'validation_failed')
@Controller('deployment')
export class ProtectionsController {
  constructor(private readonly protections: ProtectionService) {}

  @Put(':deployment_id/protection')
  @RefuseExtras('query')
  @FailureWords('Protection failed')
  @ApiOperation({ summary: 'Protect a deployment against deletion', description: 'Deletes answer 409 `deployment_protected` from now on.' })
  @ApiDeploymentId()
  @ApiAnswer()
  protect(
    @Param('deployment_id') id: string,
    @Body() { reason }: ReasonDto,
    @Context() context: RequestContext,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ProtectionDto> {
    return this.apply('protection', id, reason, context, reply);
  }

  @Delete(':deployment_id/protection')
  @RefuseExtras('body', 'query')
  @FailureWords('Lifting the protection failed')
  @ApiOperation({ summary: 'Lift the protection of a deployment' })
  @ApiDeploymentId()
  @Idempotent()
  @ApiAnswer()
  @ApiProblem('idempotency_in_progress', 'idempotency_key_reused')
  unprotect(
    @Param('deployment_id') id: string,
    @Context() context: RequestContext,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ProtectionDto> {
    return this.apply('protection', id, null, context, reply);
  }

  @Put(':deployment_id/legal-hold')
  @AdminOnly()
  @RefuseExtras('query')
  @FailureWords('Legal hold failed')
  @ApiOperation({
    summary: 'Put a deployment under legal hold',
    description:
      'For administrators. Deletes answer 409 `legal_hold`; one that is deleted already is not purged. The reason goes to the audit log.',
  })
  @ApiDeploymentId()
  @ApiAnswer()
  @ApiProblem('admin_required')
  hold(
    @Param('deployment_id') id: string,
    @Body() { reason }: ReasonDto,
    @Context() context: RequestContext,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ProtectionDto> {
    return this.apply('hold', id, reason, context, reply);
  }

  @Delete(':deployment_id/legal-hold')
  @AdminOnly()
  @RefuseExtras('body', 'query')
  @FailureWords('Lifting the legal hold failed')
  @ApiOperation({ summary: 'Lift the legal hold of a deployment' })
  @ApiDeploymentId()
  @Idempotent()
  @ApiAnswer()
  @ApiProblem('admin_required', 'idempotency_in_progress', 'idempotency_key_reused')
  unhold(
    @Param('deployment_id') id: string,
    @Context() context: RequestContext,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ProtectionDto> {
    return this.apply('hold', id, null, context, reply);
  }

  private async apply(
    safeguard: Safeguard,
    id: string,
    reason: string | null,
    context: RequestContext,
    reply: FastifyReply,
  ): Promise<ProtectionDto> {
    const { answer, etag } = await this.protections.apply(safeguard, requireDeploymentId(id), reason, context);
    void reply.header('ETag', etag);
    return answer;
  }
}
