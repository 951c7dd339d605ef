import { Controller, Get, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiHeader, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Readable } from 'node:stream';
import { ClientGone } from '../common/http/client-gone.decorator';
import { CurrentActor } from '../common/http/current-actor.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { NEXT_PAGE_HEADER } from '../common/http/page-headers';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { Actor } from '../common/request-context';
import { EventPageDto } from './dto/event-page.dto';
import { EventsQueryDto } from './dto/events.query';
import { readEventsQuery } from './events-query';
import { FeedAnswers } from './feed-answers';
import { FeedCall, type FeedCaller } from './feed-call.decorator';

/** The events of the caller's deployments, as pages or as a stream. */
@ApiTags('events')
@ApiBearerAuth()
@Controller('events')
export class EventsController {
  constructor(private readonly answers: FeedAnswers) {}

  @Get()
  @FailureWords('Failed to read events')
  @ApiOperation({
    summary: 'Read what happened, in order, without gaps',
    description:
      'With `Accept: text/event-stream` a stream (server-sent events) that `Last-Event-ID` resumes; else, also when both are wanted ' +
      'alike, a page, for which `wait` may wait.',
  })
  @ApiHeader({ name: 'Last-Event-ID', required: false, description: 'The `id` of the last event of a stream that broke off' })
  @ApiOkResponse({ type: EventPageDto, headers: NEXT_PAGE_HEADER })
  @ApiProblem('admin_required', 'events_gone')
  read(
    @Query() query: EventsQueryDto,
    @CurrentActor() actor: Actor,
    @FeedCall() caller: FeedCaller,
    @ClientGone() gone: AbortSignal,
  ): Promise<EventPageDto | Readable> {
    const asked = readEventsQuery(query, actor, caller.lastEventId);
    return this.answers.answer(asked, caller, { actor, needsAdmin: query.all_users, gone });
  }
}
