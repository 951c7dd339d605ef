import { Controller, Param, Post } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOperation } from '@nestjs/swagger';
import { Command } from '../commands/command.decorator';
import { Context } from '../common/http/context.decorator';
import { RefuseExtras } from '../common/http/refuse-extras.decorator';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { RequestContext } from '../common/request-context';
import { IdParamDto } from '../common/validation/id.param.dto';
import { redeliverAnswer } from './delivery-answers';
import type { DeliveryRecord } from './delivery-log.repository';
import { DeliveryLogService } from './delivery-log.service';
import { DeliveryDto } from './dto/delivery.dto';
import { NotificationRoutes } from './subscription-routes';

/** Single deliveries, of webhooks and of e-mails. */
@NotificationRoutes()
@Controller('notifications/deliveries')
export class DeliveriesController {
  constructor(private readonly log: DeliveryLogService) {}

  @Post(':id/redeliver')
  @RefuseExtras('body', 'query')
  @Command(redeliverAnswer)
  @ApiOperation({ summary: 'Send it once more', description: 'Under the same `webhook-id`, so that receivers can tell.' })
  @ApiAcceptedResponse({ type: DeliveryDto })
  @ApiProblem('not_found', 'conflict')
  redeliver(@Param() { id }: IdParamDto, @Context() context: RequestContext): Promise<DeliveryRecord> {
    return this.log.redeliver(id, context);
  }
}
