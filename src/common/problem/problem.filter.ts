import { Catch, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { failureWordsOf } from '../http/failure-words.decorator';
import { boundedPath } from './bounded-words';
import { toProblem, type DatabaseErrorReader } from './to-problem';

/** The only code that writes an error answer (RFC 9457). `toProblem` decides which error becomes which problem. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger('Problem');

  constructor(private readonly readDatabaseError: DatabaseErrorReader) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    this.answer(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>());
  }

  /** Also used for errors that never reach Nest, such as an address that cannot be decoded. */
  answer(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const { problem, headers } = toProblem(error, {
      readDatabaseError: this.readDatabaseError,
      failureWords: failureWordsOf(request),
    });
    this.log(error, problem.status, problem.code, request.id);
    if (reply.sent || reply.raw.headersSent) return;

    reply.headers({ ...headers, 'X-Request-Id': request.id, 'Cache-Control': 'no-store' });
    if (problem.status === 401) reply.header('WWW-Authenticate', 'Bearer');
    const shown = { ...problem, instance: '', request_id: request.id };
    const instance = boundedPath((request.raw.url ?? '').split('?', 1)[0] ?? '', shown);
    void reply
      .status(problem.status)
      .type('application/problem+json; charset=utf-8')
      .send(JSON.stringify({ ...shown, instance }));
  }

  /** Logs the stack of a fault of ours, with the request id. Refusals are normal and are not logged. */
  private log(error: unknown, status: number, code: string, requestId: string): void {
    if (status === 500) this.logger.error({ msg: 'request failed', code, request_id: requestId, err: error });
    else if (code === 'try_again') {
      this.logger.warn({
        msg: 'temporarily unavailable',
        code,
        request_id: requestId,
        reason: error instanceof Error ? error.message : String(error),
      });
    }
  }
}
