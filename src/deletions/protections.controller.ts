import { Body, Controller, Delete, Param, Put } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { AdminOnly } from '../auth/admin-only.decorator';
import { Command } from '../commands/command.decorator';
import { Context } from '../common/http/context.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { ObeysIfMatch } from '../common/http/precondition';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { RequestContext } from '../common/request-context';
import { ProtectionDto, ReasonDto } from './dto/protection.dto';
import { ETAG_HEADER } from '../deployments/etag';
import { protectionAnswer } from './deletion-answers';
import { ProtectionService, type Safeguarded } from './protection.service';
import { RefuseExtras } from '../common/http/refuse-extras.decorator';
import { ApiDeploymentId } from '../deployments/api-deployment-id.decorator';
import { requireDeploymentId } from '../deployments/refusals';

const ApiAnswer = (): MethodDecorator => ApiOkResponse({ type: ProtectionDto, headers: ETAG_HEADER });

/** The routes of protection and legal hold. */
@ApiTags('deployments')
@ApiBearerAuth()
@ApiProblem('not_found')
@Controller('deployment')
export class ProtectionsController {
  constructor(private readonly protections: ProtectionService) {}

  @Put(':deployment_id/protection')
  @RefuseExtras('query')
  @FailureWords('Protection failed')
  @ApiOperation({ summary: 'Protect a deployment against deletion', description: 'Deletes answer 409 `deployment_protected` from now on.' })
  @ApiDeploymentId()
  @Command(protectionAnswer)
  @ObeysIfMatch()
  @ApiAnswer()
  protect(@Param('deployment_id') id: string, @Body() { reason }: ReasonDto, @Context() context: RequestContext): Promise<Safeguarded> {
    return this.protections.apply('protection', requireDeploymentId(id), reason, context);
  }

  @Delete(':deployment_id/protection')
  @RefuseExtras('body', 'query')
  @FailureWords('Lifting the protection failed')
  @ApiOperation({ summary: 'Lift the protection of a deployment' })
  @ApiDeploymentId()
  @Command(protectionAnswer)
  @ObeysIfMatch()
  @ApiAnswer()
  unprotect(@Param('deployment_id') id: string, @Context() context: RequestContext): Promise<Safeguarded> {
    return this.protections.apply('protection', requireDeploymentId(id), null, context);
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
  @Command(protectionAnswer)
  @ObeysIfMatch()
  @ApiAnswer()
  hold(@Param('deployment_id') id: string, @Body() { reason }: ReasonDto, @Context() context: RequestContext): Promise<Safeguarded> {
    return this.protections.apply('hold', requireDeploymentId(id), reason, context);
  }

  @Delete(':deployment_id/legal-hold')
  @AdminOnly()
  @RefuseExtras('body', 'query')
  @FailureWords('Lifting the legal hold failed')
  @ApiOperation({ summary: 'Lift the legal hold of a deployment' })
  @ApiDeploymentId()
  @Command(protectionAnswer)
  @ObeysIfMatch()
  @ApiAnswer()
  unhold(@Param('deployment_id') id: string, @Context() context: RequestContext): Promise<Safeguarded> {
    return this.protections.apply('hold', requireDeploymentId(id), null, context);
  }
}
