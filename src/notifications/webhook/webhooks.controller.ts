import { Body, Controller, Delete, Get, Param, Patch, Post, Query, Req, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import { Command } from '../../commands/command.decorator';
import { Context } from '../../common/http/context.decorator';
import { CurrentActor } from '../../common/http/current-actor.decorator';
import { RefuseExtras } from '../../common/http/refuse-extras.decorator';
import { ApiProblem } from '../../common/problem/api-problem.decorator';
import type { Actor, RequestContext } from '../../common/request-context';
import { IdParamDto } from '../../common/validation/id.param.dto';
import { DeliveryLogService } from '../delivery-log.service';
import { DeliveriesQueryDto, DeliveryPageDto } from '../dto/delivery.dto';
import type { SubscriptionRef } from '../notification-channel';
import { removedAnswer, testAnswer } from '../subscription-answers';
import { Changes, Creates, Finds, NotificationRoutes, Removes, SendsTest } from '../subscription-routes';
import { SubscriptionsService, type Changed, type Created } from '../subscriptions.service';
import { RotateSecretService, type Rotated } from './rotate-secret.service';
import { secretRotatedAnswer, webhookAnswer, webhookCreatedAnswer } from './webhook-answers';
import { WebhookChannel } from './webhook.channel';
import { ChangeWebhookDto, CreateWebhookDto, WebhookDto, WebhookWithSecretDto } from './webhook.dto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { NEXT_PAGE_HEADER, nextPageHeader, pageHeadersOf } from '../../common/http/page-headers';
import { pageOfAll } from '../../common/http/page-of-all';
import { ShortListQueryDto } from '../../common/validation/short-list.query.dto';

/** A user's own webhooks. */
@NotificationRoutes()
@Controller('notifications/webhooks')
export class WebhooksController {
  constructor(
    private readonly channel: WebhookChannel,
    private readonly subscriptions: SubscriptionsService,
    private readonly secrets: RotateSecretService,
    private readonly log: DeliveryLogService,
  ) {}

  @Post()
  @ApiOperation({
    summary: 'Be told of events by HTTP',
    description: 'Signed as Standard Webhooks says. The secret is shown in this answer only. At most 20.',
  })
  @Command(webhookCreatedAnswer)
  @Creates(WebhookWithSecretDto)
  create(@Body() body: CreateWebhookDto, @Context() context: RequestContext): Promise<Created<string>> {
    return this.subscriptions.create(this.channel, body.toSettings(), context);
  }

  @Get()
  @ApiOperation({ summary: 'List your webhooks', description: 'Newest first, without their secrets.' })
  @ApiOkResponse({ type: [WebhookDto], headers: pageHeadersOf('Webhooks') })
  async list(
    @Query() query: ShortListQueryDto,
    @CurrentActor() actor: Actor,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<WebhookDto[]> {
    return pageOfAll(
      (await this.subscriptions.list(this.channel, actor)).map((record) => WebhookDto.from(record)),
      query,
      { request, reply },
    );
  }

  @Get(':id')
  @ApiOperation({ summary: 'See one of your webhooks' })
  @Finds(WebhookDto)
  async find(@Param() { id }: IdParamDto, @CurrentActor() actor: Actor): Promise<WebhookDto> {
    return WebhookDto.from(await this.subscriptions.find(this.ref(id), actor));
  }

  @Patch(':id')
  @ApiOperation({ summary: 'Change a webhook', description: 'What is absent stays. Holds for what is sent from then on.' })
  @Command(webhookAnswer)
  @Changes(WebhookDto)
  change(@Param() { id }: IdParamDto, @Body() body: ChangeWebhookDto, @Context() context: RequestContext): Promise<Changed> {
    return this.subscriptions.change(this.ref(id), body.toChange(), context);
  }

  @Delete(':id')
  @ApiOperation({ summary: 'Remove a webhook with its log' })
  @Command(removedAnswer)
  @Removes()
  remove(@Param() { id }: IdParamDto, @Context() context: RequestContext): Promise<void> {
    return this.subscriptions.remove(this.ref(id), context);
  }

  @Post(':id/rotate-secret')
  @RefuseExtras('body', 'query')
  @Command(secretRotatedAnswer)
  @ApiOperation({ summary: 'Get a new secret', description: 'For 24 hours requests are signed with the old one too.' })
  @ApiOkResponse({ type: WebhookWithSecretDto })
  @ApiProblem('not_found')
  rotate(@Param() { id }: IdParamDto, @Context() context: RequestContext): Promise<Rotated> {
    return this.secrets.rotate(id, context);
  }

  @Post(':id/test')
  @ApiOperation({ summary: 'Send a test event', description: 'At most one every ten seconds; the log shows what became of it.' })
  @Command(testAnswer)
  @SendsTest()
  test(@Param() { id }: IdParamDto, @Context() context: RequestContext): Promise<void> {
    return this.subscriptions.test(this.ref(id), context);
  }

  @Get(':id/deliveries')
  @ApiOperation({ summary: 'See what was delivered and what was not', description: 'Newest first; kept as long as the events.' })
  @Finds(DeliveryPageDto, NEXT_PAGE_HEADER)
  async deliveries(
    @Param() { id }: IdParamDto,
    @Query() query: DeliveriesQueryDto,
    @CurrentActor() actor: Actor,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<DeliveryPageDto> {
    const page = DeliveryPageDto.from(await this.log.page(this.ref(id), actor, query));
    void reply.headers(nextPageHeader(request.url, page.next_cursor === null ? null : { cursor: page.next_cursor }));
    return page;
  }

  private ref(id: string): SubscriptionRef {
    return { channel: this.channel, id };
  }
}
