import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Context } from '../../common/http/context.decorator';
import { FailureWords } from '../../common/http/failure-words.decorator';
import { RefuseExtras } from '../../common/http/refuse-extras.decorator';
import { ApiProblem } from '../../common/problem/api-problem.decorator';
import type { RequestContext } from '../../common/request-context';
import { DEPLOY_EXAMPLE, DeployRequestDto } from '../dto/deploy-request.dto';
import { DryRunDto } from '../dto/placement.dto';
import { readOrder } from '../spec/spec-codec';
import { DeployService } from './deploy.service';

/** Where a deployment would go; writes nothing. */
@ApiTags('deployments')
@ApiBearerAuth()
@Controller('deployment/deploy')
export class DeployPreviewController {
  constructor(private readonly deploys: DeployService) {}

  @Post('preview')
  @HttpCode(200)
  @RefuseExtras('query')
  @FailureWords('Failed to preview the deployment')
  @ApiOperation({ summary: 'See where a deployment would go', description: 'The placement that it would get now, or why not.' })
  @ApiBody({ type: DeployRequestDto, examples: { web: { summary: 'Two replicas of a web server', value: DEPLOY_EXAMPLE } } })
  @ApiOkResponse({ type: DryRunDto })
  @ApiProblem('role_required', 'not_found', 'quota_exceeded', 'route_taken')
  async previewDeploy(@Body() body: DeployRequestDto, @Context() { actor }: RequestContext): Promise<DryRunDto> {
    return DryRunDto.of(await this.deploys.preview(readOrder(body), actor));
  }
}
