import { Body, Controller, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import { ApiExcludeEndpoint, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Public } from '../auth/public.decorator';
import { Command } from '../commands/command.decorator';
import type { Answer } from '../common/http/answer';
import { canonicalAddress } from '../common/http/client-address';
import { OpenContext } from '../common/http/context.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { RefuseExtras } from '../common/http/refuse-extras.decorator';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import { DomainError } from '../common/problem/domain-error';
import type { OpenRequestContext } from '../common/request-context';
import { JoinAgentDto, JoinedAgentDto } from './dto/join-agent.dto';
import type { Joined } from './identities.repository';
import { JoinService } from './join.service';
import { LinkServer } from './link-server';

const joinedAnswer = ({ nodeId, nodeName, installationId }: Joined): Answer => ({
  status: 200,
  body: Object.assign(new JoinedAgentDto(), {
    success: true,
    node_id: nodeId,
    node_name: nodeName,
    installation_id: installationId,
  }),
});

/** Where machines that only dial out come in. */
@ApiTags('nodes')
@Public()
@Controller('agents')
export class AgentsController {
  constructor(
    private readonly joining: JoinService,
    private readonly links: LinkServer,
  ) {}

  @Post('join')
  @HttpCode(200)
  @RefuseExtras('query')
  @Command(joinedAnswer)
  @FailureWords('Joining failed')
  @ApiOperation({
    summary: 'Become the machine of an agent node',
    description:
      'Called by an agent at its first start, with the join token of its node. The same machine may ask again while the token is good.',
  })
  @ApiOkResponse({ type: JoinedAgentDto })
  @ApiProblem('bad_credentials')
  join(@Body() body: JoinAgentDto, @OpenContext() context: OpenRequestContext): Promise<Joined> {
    const { hostname, machine_id: machineId, platform, program_version: programVersion } = body.machine;
    const machine = { hostname, machineId, platform, programVersion };
    return this.joining.join({ token: body.join_token, publicKey: Buffer.from(body.public_key, 'base64url'), machine }, context);
  }

  /** A WebSocket, which OpenAPI cannot describe: docs/edge-protocol.md does. */
  @Get('link')
  @ApiExcludeEndpoint()
  link(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    if (!this.links.take(request.raw, canonicalAddress(request.ip)))
      throw new DomainError('invalid_request', 'Agents open a WebSocket here: see docs/edge-protocol.md.');
    reply.hijack();
  }
}
