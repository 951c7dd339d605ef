import { applyDecorators, SetMetadata, UseGuards, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { DomainError, type FieldFault } from '../problem/domain-error';
import { isNothing } from '../validation/empty-body';
import { shownName, toPointer } from '../validation/pointer';

export type Part = 'body' | 'query';

/** Which parts of a request the route refuses, for the OpenAPI document. */
export const REFUSED_PARTS = 'http:refused-parts';

/**
 * For routes that take no body or no query at all: whatever is sent there is refused, as unknown fields are elsewhere.
 * Without it `POST /scale/{id}?dry_run=true` would scale.
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
    SetMetadata(REFUSED_PARTS, parts),
  );

function refuseQuery(query: unknown): void {
  const errors = Object.keys(query ?? {}).map((name) => unknownField(name, shownName(name)));
  if (errors[0]) throw new DomainError('invalid_request', `${errors[0].detail}.`, { errors: errors.slice(0, 10) });
}

function refuseBody(body: unknown): void {
  if (isNothing(body)) return;
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    const detail = 'This route takes no body.';
    throw new DomainError('validation_failed', detail, { errors: [{ pointer: '', detail }] });
  }
  const errors = Object.keys(body).map((name) => unknownField(name, toPointer(name)));
  if (errors[0]) throw new DomainError('validation_failed', `${errors[0].detail}.`, { errors: errors.slice(0, 10) });
}

const unknownField = (name: string, pointer: string): FieldFault => ({ pointer, detail: `${shownName(name)} is not a known field` });
