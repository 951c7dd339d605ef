import { Controller, Get, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { AdminOnly } from '../auth/admin-only.decorator';
import { Command } from '../commands/command.decorator';
import { Context } from '../common/http/context.decorator';
import { FailureWords } from '../common/http/failure-words.decorator';
import { RefuseExtras } from '../common/http/refuse-extras.decorator';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { RequestContext } from '../common/request-context';
import type { ClockState } from '../database/clock-watch';
import { clockAnswer } from './clock-answers';
import { ClockDto } from './clock.dto';
import { ClockService } from './clock.service';

@ApiTags('admin')
@ApiBearerAuth()
@AdminOnly()
@Controller('admin/clock')
export class ClockController {
  constructor(private readonly clock: ClockService) {}

  @Get()
  @RefuseExtras('query')
  @FailureWords('Failed to read the clock')
  @ApiOperation({ summary: 'The clock of the database, and whether a step of it keeps records from being removed' })
  @ApiOkResponse({ type: ClockDto })
  async read(): Promise<ClockDto> {
    return ClockDto.of(await this.clock.read());
  }

  @Post('confirm')
  @RefuseExtras('body', 'query')
  @Command(clockAnswer)
  @FailureWords('The clock was not confirmed')
  @ApiOperation({ summary: 'Say that the time is right after a step of the clock: records are removed by their age again' })
  @ApiOkResponse({ type: ClockDto })
  @ApiProblem('conflict')
  confirm(@Context() context: RequestContext): Promise<ClockState> {
    return this.clock.confirm(context);
  }
}
