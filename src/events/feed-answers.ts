import { Injectable } from '@nestjs/common';
import type { Readable } from 'node:stream';
import { prefersToJson } from '../common/http/accepts';
import { nextPageHeader } from '../common/http/page-headers';
import type { Actor } from '../common/request-context';
import { EventPageDto } from './dto/event-page.dto';
import { EventFeedService } from './event-feed.service';
import type { FeedQuery } from './events-query';
import type { FeedCaller } from './feed-call.decorator';
import { STREAM_HEADERS, STREAM_TYPE } from './stream-headers';
import { StreamRights } from './stream-rights';

/** Answers requests for the feed with a page or a stream, as their `Accept` header wants, for as long as their callers may see it. */
@Injectable()
export class FeedAnswers {
  constructor(
    private readonly feed: EventFeedService,
    private readonly rights: StreamRights,
  ) {}

  /**
   * `needsAdmin`: it is shown to administrators only; `sees`: whether the caller still may see it. The caller has checked that it
   * may be shown now.
   */
  async answer(
    asked: FeedQuery,
    { host, request, reply }: FeedCaller,
    { actor, needsAdmin, sees, gone }: { actor: Actor; needsAdmin: boolean; sees?: () => Promise<boolean>; gone: AbortSignal },
  ): Promise<EventPageDto | Readable> {
    const reader = { userId: actor.userId, gone, refusal: this.rights.refusal(host, actor, { needsAdmin, sees }) };
    if (request.method === 'HEAD' || !prefersToJson(request.headers.accept, STREAM_TYPE)) {
      const page = EventPageDto.from(await this.feed.page(asked, reader));
      void reply.headers(nextPageHeader(request.url, page.has_more ? { after: String(page.position) } : null));
      return page;
    }
    const stream = await this.feed.stream(asked, reader);
    void reply.headers(STREAM_HEADERS);
    return stream;
  }
}
