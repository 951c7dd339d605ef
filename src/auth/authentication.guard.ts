import { Injectable, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import passport, { type Strategy } from 'passport';
import type { FastifyRequest } from 'fastify';
import { randomUUID } from 'node:crypto';
import { changesNothing } from '../common/http/changes-nothing';
import { routeOf } from '../common/http/route-of';
import { DomainError } from '../common/problem/domain-error';
import type { Actor } from '../common/request-context';
import { requireUnbound } from '../rights/bound-tokens';
import { IS_ADMIN_ONLY } from './admin-only.decorator';
import { ApiTokenStrategy } from './api-token.strategy';
import { hasCredentials, type RequestWithHeaders } from './bearer-token';
import { ExternalJwtStrategy } from './external-jwt.strategy';
import { InactiveUser } from './identity';
import { LocalJwtStrategy } from './local-jwt.strategy';
import { IS_PUBLIC } from './public.decorator';

type GuardedRequest = RequestWithHeaders & Pick<FastifyRequest, 'method' | 'is404' | 'routeOptions'> & { user: Actor };

/**
 * Closes every route unless it is marked public. Each strategy takes only tokens of its own kind, so at most one
 * verifies. Answers 401 with the same words for every missing or bad token, and 403 for what the caller may not do.
 */
@Injectable()
export class AuthenticationGuard extends AuthGuard() {
  constructor(
    private readonly reflector: Reflector,
    private readonly local: LocalJwtStrategy,
    external: ExternalJwtStrategy,
    apiToken: ApiTokenStrategy,
  ) {
    super({ defaultStrategy: [local, external, apiToken].map(register) });
  }

  override async canActivate(context: ExecutionContext): Promise<boolean> {
    if (this.isMarked(IS_PUBLIC, context)) return true;
    const request = context.switchToHttp().getRequest<GuardedRequest>();
    await this.identify(context, request);
    const { user, method } = request;
    requireUnbound(user, method, routeOf(request));
    if (user.readOnly && !changesNothing(method, routeOf(request))) throw new DomainError('read_only_token', 'This token is read-only.');
    if (!user.isAdmin && this.isMarked(IS_ADMIN_ONLY, context)) throw new DomainError('admin_required', 'Only administrators may do this.');
    return true;
  }

  private async identify(context: ExecutionContext, request: RequestWithHeaders & { user: Actor }): Promise<void> {
    try {
      const known = await this.local.recognise(request);
      if (known) request.user = known;
      else await super.canActivate(context);
    } catch (error) {
      if (error instanceof InactiveUser) request.user = error.actor;
      throw error;
    }
  }

  /** `info` holds the reasons why each strategy refused. A DomainError among them means that the token could not be checked. */
  override handleRequest<T>(error: unknown, user: T | false | null, info: unknown, context: ExecutionContext): T {
    if (error) throw asError(error);
    if (user) return user;
    const undecided = Array.isArray(info) ? info.find((reason): reason is DomainError => reason instanceof DomainError) : undefined;
    if (undecided) throw undecided;
    const isGiven = hasCredentials(context.switchToHttp().getRequest<RequestWithHeaders>());
    throw new DomainError('unauthenticated', isGiven ? 'Could not validate credentials' : 'Not authenticated');
  }

  private isMarked(key: string, context: ExecutionContext): boolean {
    return this.reflector.getAllAndOverride<boolean | undefined>(key, [context.getHandler(), context.getClass()]) ?? false;
  }
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error('Authentication broke off', { cause: error }));

/** Passport has one registry for the whole process. A name of its own keeps two applications in one process, as in tests, apart. */
function register(strategy: Strategy): string {
  const name = randomUUID();
  passport.use(name, strategy);
  return name;
}
