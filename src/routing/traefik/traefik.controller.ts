import { Controller, Get, HttpStatus, Req, Res, UseGuards } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Public } from '../../auth/public.decorator';
import { RefuseExtras } from '../../common/http/refuse-extras.decorator';
import { ApiProblem } from '../../common/problem/api-problem.decorator';
import { DomainError } from '../../common/problem/domain-error';
import { RoutingTokenGuard } from './routing-token.guard';
import { TraefikBalancer } from './traefik.balancer';

/** Where Traefik asks. It is there only with LOAD_BALANCER=traefik, and no user's token opens it. */
@ApiTags('health')
@Public()
@UseGuards(RoutingTokenGuard)
@Controller('routing')
export class TraefikController {
  constructor(private readonly balancer: TraefikBalancer) {}

  @Get('traefik')
  @RefuseExtras('query')
  @ApiOperation({ summary: 'All routes as the dynamic configuration of Traefik, for its HTTP provider. Needs `ROUTING_TOKEN`' })
  @ApiOkResponse({ schema: { type: 'object' }, description: 'The configuration' })
  @ApiProblem('unauthenticated')
  read(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    const { digest, body } = this.fetch();
    const tag = `"${digest}"`;
    void reply.headers({ etag: tag, 'cache-control': 'private, no-cache' });
    if (request.headers['if-none-match'] === tag) void reply.status(HttpStatus.NOT_MODIFIED).send();
    else void reply.type('application/json').send(body);
  }

  private fetch(): ReturnType<TraefikBalancer['fetch']> {
    try {
      return this.balancer.fetch();
    } catch (error) {
      throw new DomainError(
        'try_again',
        `Traefik has to go on with what it has: ${error instanceof Error ? error.message : String(error)}.`,
      );
    }
  }
}
