import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { mergeMap, type Observable } from 'rxjs';
import { Standing } from '../commands/standing';
import type { RequestState } from '../common/request-context';

/** After so long the guard's word is old. Revocations are promised to take effect within 5 s. */
const LATE_MS = 3_000;

/**
 * Holds back an answer that took long, such as that of a delete which waited, when the caller has lost the right to it
 * meanwhile. What the request has decided stays decided.
 */
@Injectable()
export class LateAnswersInterceptor implements NestInterceptor {
  constructor(private readonly standing: Standing) {}

  intercept(host: ExecutionContext, next: CallHandler): Observable<unknown> {
    const begun = performance.now();
    const { user } = host.switchToHttp().getRequest<RequestState>();
    if (!user) return next.handle();
    return next.handle().pipe(
      mergeMap(async (body: unknown) => {
        if (performance.now() - begun <= LATE_MS) return body;
        // What was decided may no longer be answered with an error because the database does not answer now.
        const lost = await this.standing.lost(user).catch(() => null);
        if (lost) throw lost;
        return body;
      }),
    );
  }
}
