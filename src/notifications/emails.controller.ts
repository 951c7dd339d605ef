import { Body, Controller, Delete, Get, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Context } from '../common/http/context.decorator';
import { CurrentActor } from '../common/http/current-actor.decorator';
import type { Actor, RequestContext } from '../common/request-context';
import { DeliveryLogService } from './delivery-log.service';
import { DeliveriesQueryDto, DeliveryPageDto } from './dto/delivery.dto';
import { ChangeEmailDto, CreateEmailDto, EmailDto } from './dto/email.dto';
import { SubscriptionIdDto } from './dto/id.param.dto';
import { Changes, Creates, Finds, NotificationRoutes, Removes, SendsTest } from './subscription-routes';
import { SubscriptionsService } from './subscriptions.service';

const KIND = 'email';

/** E-mails about one's own deployments, to one's own address. */
@NotificationRoutes()
@Controller('notifications/emails')
export class EmailsController {
  constructor(
    private readonly subscriptions: SubscriptionsService,
    private readonly log: DeliveryLogService,
  ) {}

  @Post()
  @ApiOperation({ summary: 'Be told of events by e-mail', description: 'To the address of your account, and no other. At most 5.' })
  @Creates(EmailDto, 'email_not_configured')
  async create(
    @Body() body: CreateEmailDto,
    @Context() context: RequestContext,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<EmailDto> {
    const answer = await this.subscriptions.create(KIND, body.toWish(), context, (record, _secret, email) => EmailDto.from(record, email));
    void reply.header('Location', `/api/notifications/emails/${answer.id}`);
    return answer;
  }

  @Get()
  @ApiOperation({ summary: 'List your e-mail subscriptions', description: 'Newest first.' })
  @ApiOkResponse({ type: [EmailDto] })
  async list(@CurrentActor() actor: Actor): Promise<EmailDto[]> {
    const [records, email] = await Promise.all([this.subscriptions.list(KIND, actor), this.subscriptions.emailOf(actor)]);
    return records.map((record) => EmailDto.from(record, email));
  }

  @Get(':id')
  @ApiOperation({ summary: 'See one of your e-mail subscriptions' })
  @Finds(EmailDto)
  async find(@Param() { id }: SubscriptionIdDto, @CurrentActor() actor: Actor): Promise<EmailDto> {
    return EmailDto.from(await this.subscriptions.find(KIND, id, actor), await this.subscriptions.emailOf(actor));
  }

  @Patch(':id')
  @ApiOperation({ summary: 'Change an e-mail subscription', description: 'What is absent stays.' })
  @Changes(EmailDto)
  async change(@Param() { id }: SubscriptionIdDto, @Body() body: ChangeEmailDto, @Context() context: RequestContext): Promise<EmailDto> {
    const record = await this.subscriptions.change(KIND, id, body.toChange(), context);
    return EmailDto.from(record, await this.subscriptions.emailOf(context.actor));
  }

  @Delete(':id')
  @ApiOperation({ summary: 'Remove an e-mail subscription with its log' })
  @Removes()
  async remove(@Param() { id }: SubscriptionIdDto, @Context() context: RequestContext): Promise<void> {
    await this.subscriptions.remove(KIND, id, context);
  }

  @Post(':id/test')
  @ApiOperation({ summary: 'Send a test e-mail', description: 'At most one every ten seconds; the log shows what became of it.' })
  @SendsTest('email_not_configured')
  async test(@Param() { id }: SubscriptionIdDto, @Context() context: RequestContext): Promise<void> {
    await this.subscriptions.test(KIND, id, context);
  }

  @Get(':id/deliveries')
  @ApiOperation({ summary: 'See which e-mails were sent and which were not', description: 'Newest first; kept as long as the events.' })
  @Finds(DeliveryPageDto)
  async deliveries(
    @Param() { id }: SubscriptionIdDto,
    @Query() query: DeliveriesQueryDto,
    @CurrentActor() actor: Actor,
  ): Promise<DeliveryPageDto> {
    return DeliveryPageDto.from(await this.log.page(KIND, id, actor, query));
  }
}
