import { applyDecorators, Injectable, SetMetadata, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ApiHeader } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { ApiProblem } from '../problem/api-problem.decorator';
import { DomainError } from '../problem/domain-error';

const OBEYS_IF_MATCH = 'http:obeys-if-match';
const READS = new Set(['GET', 'HEAD']);

/** Marks a route that obeys `If-Match`: its service calls `requireMatch`, under the lock and before it changes anything. */
export const ObeysIfMatch = (): MethodDecorator =>
  applyDecorators(
    SetMetadata(OBEYS_IF_MATCH, true),
    ApiHeader({
      name: 'If-Match',
      required: false,
      description: 'The `ETag` that was read: refuses (412) when the deployment has changed since',
    }),
    ApiProblem('precondition_failed'),
  );

/**
 * A condition that is ignored is a promise that is broken, so a route that changes something and does not obey it refuses it.
 * What only reads may ignore `If-Match`; `If-None-Match` is obeyed for all reads.
 */
@Injectable()
export class PreconditionGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const { method, headers } = context.switchToHttp().getRequest<FastifyRequest>();
    if (READS.has(method)) return true;
    if (headers['if-none-match'] !== undefined) throw refused('If-None-Match');
    if (headers['if-match'] !== undefined && this.reflector.get(OBEYS_IF_MATCH, context.getHandler()) !== true) throw refused('If-Match');
    return true;
  }
}

function refused(header: string): DomainError {
  const detail = `This route takes no ${header}.`;
  return new DomainError('invalid_request', detail, { errors: [{ pointer: header, detail }] });
}
