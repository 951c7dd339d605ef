import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { createHash, timingSafeEqual } from 'node:crypto';
import { bearerToken, type RequestWithHeaders } from '../../auth/bearer-token';
import { DomainError } from '../../common/problem/domain-error';
import { AppConfig } from '../../config/app-config';

/** Lets only those through who send ROUTING_TOKEN. Digests are compared, in a time that says nothing of how alike they are. */
@Injectable()
export class RoutingTokenGuard implements CanActivate {
  private readonly digest: Buffer;

  constructor({ ROUTING_TOKEN = '' }: AppConfig) {
    this.digest = digestOf(ROUTING_TOKEN);
  }

  canActivate(context: ExecutionContext): boolean {
    const token = bearerToken(context.switchToHttp().getRequest<RequestWithHeaders>());
    if (token !== null && timingSafeEqual(digestOf(token), this.digest)) return true;
    throw new DomainError(
      'unauthenticated',
      'This route is for Traefik alone: let its HTTP provider send `Authorization: Bearer` with the value of ROUTING_TOKEN.',
    );
  }
}

const digestOf = (token: string): Buffer => createHash('sha256').update(token).digest();
