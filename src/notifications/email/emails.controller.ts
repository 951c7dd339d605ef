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
import { SubscriptionsService } from '../subscriptions.service';
import { ConfirmEmailService, type EmailSubscription } from './confirm-email.service';
import { emailAnswer, emailCreatedAnswer } from './email-answers';
import { EmailChannel } from './email.channel';
import { ChangeEmailDto, ConfirmEmailDto, CreateEmailDto, EmailDto } from './email.dto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { NEXT_PAGE_HEADER, nextPageHeader, pageHeadersOf } from '../../common/http/page-headers';
import { pageOfAll } from '../../common/http/page-of-all';
import { ShortListQueryDto } from '../../common/validation/short-list.query.dto';

const DESCRIPTION =
  'To the address of your account, and no other. Until you have confirmed it once, an e-mail with a code goes there and nothing else. At most 5.';

/** A user's e-mail subscriptions. E-mails go to the address of the user's own account. */
@NotificationRoutes()
@Controller('notifications/emails')
export class EmailsController {
  constructor(
    private readonly channel: EmailChannel,
    private readonly subscriptions: SubscriptionsService,
    private readonly confirmations: ConfirmEmailService,
    private readonly log: DeliveryLogService,
  ) {}

  @Post()
  @ApiOperation({ summary: 'Be told of events by e-mail', description: DESCRIPTION })
  @Command(emailCreatedAnswer)
  @Creates(EmailDto, 'email_not_configured')
  create(@Body() body: CreateEmailDto, @Context() context: RequestContext): Promise<EmailSubscription> {
    return this.subscriptions.create(this.channel, body.toSettings(), context);
  }

  @Get()
  @ApiOperation({ summary: 'List your e-mail subscriptions', description: 'Newest first.' })
  @ApiOkResponse({ type: [EmailDto], headers: pageHeadersOf('E-mail subscriptions') })
  async list(
    @Query() query: ShortListQueryDto,
    @CurrentActor() actor: Actor,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<EmailDto[]> {
    const [records, address] = await Promise.all([this.subscriptions.list(this.channel, actor), this.subscriptions.addressOf(actor)]);
    return pageOfAll(
      records.map((record) => EmailDto.from(record, address)),
      query,
      { request, reply },
    );
  }

  @Get(':id')
  @ApiOperation({ summary: 'See one of your e-mail subscriptions' })
  @Finds(EmailDto)
  async find(@Param() { id }: IdParamDto, @CurrentActor() actor: Actor): Promise<EmailDto> {
    return EmailDto.from(await this.subscriptions.find(this.ref(id), actor), await this.subscriptions.addressOf(actor));
  }

  @Patch(':id')
  @ApiOperation({ summary: 'Change an e-mail subscription', description: 'What is absent stays.' })
  @Command(emailAnswer)
  @Changes(EmailDto)
  change(@Param() { id }: IdParamDto, @Body() body: ChangeEmailDto, @Context() context: RequestContext): Promise<EmailSubscription> {
    return this.subscriptions.change(this.ref(id), body.toChange(), context);
  }

  @Delete(':id')
  @ApiOperation({ summary: 'Remove an e-mail subscription with its log' })
  @Command(removedAnswer)
  @Removes()
  remove(@Param() { id }: IdParamDto, @Context() context: RequestContext): Promise<void> {
    return this.subscriptions.remove(this.ref(id), context);
  }

  @Post(':id/confirm')
  @Command(emailAnswer)
  @RefuseExtras('query')
  @ApiOperation({
    summary: 'Confirm your address',
    description: 'With the code from our e-mail. Without one, a new code is sent: three a day at most.',
  })
  @ApiOkResponse({ type: EmailDto })
  @ApiProblem('not_found', 'conflict', 'email_not_configured')
  confirm(@Param() { id }: IdParamDto, @Body() { code }: ConfirmEmailDto, @Context() context: RequestContext): Promise<EmailSubscription> {
    return this.confirmations.confirm(id, code, context);
  }

  @Post(':id/test')
  @ApiOperation({ summary: 'Send a test e-mail', description: 'At most one every ten seconds; the log shows what became of it.' })
  @Command(testAnswer)
  @SendsTest('email_not_configured')
  test(@Param() { id }: IdParamDto, @Context() context: RequestContext): Promise<void> {
    return this.subscriptions.test(this.ref(id), context);
  }

  @Get(':id/deliveries')
  @ApiOperation({ summary: 'See which e-mails were sent and which were not', description: 'Newest first; kept as long as the events.' })
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
