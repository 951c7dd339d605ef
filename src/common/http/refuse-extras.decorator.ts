import { applyDecorators, UseGuards, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { ApiProblem } from '../problem/api-problem.decorator';
import { DomainError, type FieldFault } from '../problem/domain-error';
import { toPointer } from '../validation/pointer';

type Part = 'body' | 'query';

/**
 * For routes that take no body or no query: refuses whatever is sent there, as unknown fields are refused elsewhere.
 * Without it `POST /scale/{id}?dry_run=true` would scale. Put it above the `ApiProblem`s of the route.
 */
export const RefuseExtras = (...parts: Part[]): MethodDecorator =>
  applyDecorators(
    UseGuards({
      canActivate: (host: ExecutionContext): boolean => {
        const request = host.switchToHttp().getRequest<FastifyRequest>();
        if (parts.includes('query')) refuseQuery(request.query);
        if (parts.includes('body')) refuseBody(request.body);
        return true;
      },
    }),
    ...(parts.includes('body') ? [ApiProblem('validation_failed')] : []),
  );

function refuseQuery(query: unknown): void {
  const errors = Object.keys(query ?? {}).map((name) => unknownField(name, name));
  if (errors[0]) throw new DomainError('invalid_request', `${errors[0].detail}.`, { errors: errors.slice(0, 10) });
}

function refuseBody(body: unknown): void {
  if (body === undefined) return;
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    const detail = 'This route takes no body.';
    throw new DomainError('validation_failed', detail, { errors: [{ pointer: '', detail }] });
  }
  const errors = Object.keys(body).map((name) => unknownField(name, toPointer(name)));
  if (errors[0]) throw new DomainError('validation_failed', `${errors[0].detail}.`, { errors: errors.slice(0, 10) });
}

const unknownField = (name: string, pointer: string): FieldFault => ({ pointer, detail: `${name.slice(0, 64)} is not a known field` });
