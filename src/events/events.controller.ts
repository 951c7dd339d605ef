import { Controller, createParamDecorator, Get, Query, Req, Res, type ExecutionContext } from '@nestjs/common';
import { ApiBearerAuth, ApiExtraModels, ApiOkResponse, ApiOperation, ApiTags, getSchemaPath } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Readable } from 'node:stream';
import { AuthenticationGuard } from '../auth/authentication.guard';
import { ClientGone } from '../common/http/client-gone.decorator';
import { CurrentActor } from '../common/http/current-actor.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import { DomainError } from '../common/problem/domain-error';
import type { Actor } from '../common/request-context';
import { EventPageDto } from './dto/event-page.dto';
import { EventsQueryDto } from './dto/events.query';
import { EventFeedService, type Reader } from './event-feed.service';
import { readEventsQuery } from './events-query';

const STREAM_TYPE = 'text/event-stream';

/** The arguments of the guard, to call it again while a stream is open. */
const Host = createParamDecorator((_data: unknown, host: ExecutionContext): ExecutionContext => host);

/** The events of the caller's deployments, as pages or as a stream. */
@ApiTags('events')
@ApiBearerAuth()
@Controller('events')
export class EventsController {
  constructor(
    private readonly feed: EventFeedService,
    private readonly guard: AuthenticationGuard,
  ) {}

  @Get()
  @FailureWords('Failed to read events')
  @ApiOperation({
    summary: 'Read what happened, in order, without gaps',
    description:
      'With `Accept: text/event-stream` a stream (server-sent events) that `Last-Event-ID` resumes; else a page, for which `wait` may wait.',
  })
  @ApiExtraModels(EventPageDto)
  @ApiOkResponse({
    content: { 'application/json': { schema: { $ref: getSchemaPath(EventPageDto) } }, [STREAM_TYPE]: { schema: { type: 'string' } } },
  })
  @ApiProblem('admin_required', 'events_gone')
  async read(
    @Query() query: EventsQueryDto,
    @CurrentActor() actor: Actor,
    @Host() host: ExecutionContext,
    @ClientGone() gone: AbortSignal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<EventPageDto | Readable> {
    const lastEventId = request.headers['last-event-id'];
    const asked = readEventsQuery(query, actor, typeof lastEventId === 'string' && lastEventId !== '' ? lastEventId : undefined);
    const reader = { userId: actor.userId, gone, mayStay: this.mayStay(host, actor, query.all_users) };
    if (request.method === 'HEAD' || request.headers.accept?.includes(STREAM_TYPE) !== true)
      return EventPageDto.from(await this.feed.page(asked, reader));
    const stream = await this.feed.stream(asked, reader);
    // The last header stops nginx from buffering, so that events arrive at once.
    void reply.headers({ 'Content-Type': STREAM_TYPE, 'X-Accel-Buffering': 'no' });
    return stream;
  }

  private mayStay(host: ExecutionContext, actor: Actor, needsAdmin: boolean): Reader['mayStay'] {
    return async () => {
      try {
        await this.guard.canActivate(host);
      } catch (error) {
        // A database that does not answer is no sign that the credential has ended.
        return !(error instanceof DomainError) || error.status >= 500;
      }
      const user = host.switchToHttp().getRequest<{ user?: Actor }>().user;
      return user?.userId === actor.userId && (user.isAdmin || !needsAdmin);
    };
  }
}
