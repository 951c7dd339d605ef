import { Body, Controller, Delete, Get, HttpCode, HttpStatus, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Context } from '../common/http/context.decorator';
import { CurrentActor } from '../common/http/current-actor.decorator';
import { RefuseExtras } from '../common/http/refuse-extras.decorator';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { Actor, RequestContext } from '../common/request-context';
import { Idempotent } from '../idempotency/idempotent.decorator';
import { DeliveryLogService } from './delivery-log.service';
import { DeliveriesQueryDto, DeliveryPageDto } from './dto/delivery.dto';
import { ChangeEmailDto, CreateEmailDto, EmailDto } from './dto/email.dto';
import { SubscriptionIdDto } from './dto/id.param.dto';
import { SubscriptionsService } from './subscriptions.service';

const KIND = 'email';

/** E-mails about one's own deployments, to one's own address. */
@ApiTags('notifications')
@ApiBearerAuth()
@ApiProblem('unauthenticated', 'inactive_user', 'rate_limited', 'internal', 'try_again')
@Controller('notifications/emails')
export class EmailsController {
  constructor(
    private readonly subscriptions: SubscriptionsService,
    private readonly log: DeliveryLogService,
  ) {}

  @Post()
  @RefuseExtras('query')
  @Idempotent()
  @ApiOperation({ summary: 'Be told of events by e-mail', description: 'To the address of your account, and no other. At most 5.' })
  @ApiCreatedResponse({ type: EmailDto })
  @ApiProblem('malformed_json', 'read_only_token', 'conflict', 'email_not_configured', 'validation_failed')
  async create(
    @Body() body: CreateEmailDto,
    @Context() context: RequestContext,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<EmailDto> {
    const { description, event_types: eventTypes, labels, enabled } = body;
    const wish = { url: null, description, eventTypes, labels, enabled };
    const answer = await this.subscriptions.create(KIND, wish, context, (record, _secret, email) => EmailDto.from(record, email));
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
  @ApiOkResponse({ type: EmailDto })
  @ApiProblem('invalid_request', 'not_found')
  async find(@Param() { id }: SubscriptionIdDto, @CurrentActor() actor: Actor): Promise<EmailDto> {
    return EmailDto.from(await this.subscriptions.find(KIND, id, actor), await this.subscriptions.emailOf(actor));
  }

  @Patch(':id')
  @RefuseExtras('query')
  @ApiOperation({ summary: 'Change an e-mail subscription', description: 'What is absent stays.' })
  @ApiOkResponse({ type: EmailDto })
  @ApiProblem('malformed_json', 'invalid_request', 'read_only_token', 'not_found', 'validation_failed')
  async change(@Param() { id }: SubscriptionIdDto, @Body() body: ChangeEmailDto, @Context() context: RequestContext): Promise<EmailDto> {
    const record = await this.subscriptions.change(KIND, id, body.toChange(), context);
    return EmailDto.from(record, await this.subscriptions.emailOf(context.actor));
  }

  @Delete(':id')
  @RefuseExtras('body', 'query')
  @Idempotent()
  @HttpCode(HttpStatus.NO_CONTENT)
  @ApiOperation({ summary: 'Remove an e-mail subscription with its log' })
  @ApiNoContentResponse()
  @ApiProblem('invalid_request', 'read_only_token', 'not_found')
  async remove(@Param() { id }: SubscriptionIdDto, @Context() context: RequestContext): Promise<void> {
    await this.subscriptions.remove(KIND, id, context);
  }

  @Get(':id/deliveries')
  @ApiOperation({ summary: 'See which e-mails were sent and which were not', description: 'Newest first; kept as long as the events.' })
  @ApiOkResponse({ type: DeliveryPageDto })
  @ApiProblem('invalid_request', 'not_found')
  async deliveries(
    @Param() { id }: SubscriptionIdDto,
    @Query() query: DeliveriesQueryDto,
    @CurrentActor() actor: Actor,
  ): Promise<DeliveryPageDto> {
    return DeliveryPageDto.from(await this.log.page(KIND, id, actor, query));
  }
}
