import { Body, Controller, Param, Patch } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Command } from '../commands/command.decorator';
import { Context } from '../common/http/context.decorator';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { RequestContext } from '../common/request-context';
import { IdParamDto } from '../common/validation/id.param.dto';
import { AdminOnly } from './admin-only.decorator';
import { userAnswer } from './auth-answers';
import { UpdateUserDto, UserDto } from './dto/user.dto';
import type { UserRecord } from './identity';
import { UsersService } from './users.service';

@ApiTags('auth')
@ApiBearerAuth()
@AdminOnly()
@Controller('auth/users')
export class UsersController {
  constructor(private readonly users: UsersService) {}

  @Patch(':id')
  @Command(userAnswer, { takesKey: false })
  @ApiOperation({
    summary: 'Switch a user off or on',
    description: 'For administrators. Every credential of a user who is off answers 403; who is switched on again logs in anew.',
  })
  @ApiOkResponse({ type: UserDto })
  @ApiProblem('not_found', 'conflict')
  update(@Param() { id }: IdParamDto, @Body() body: UpdateUserDto, @Context() context: RequestContext): Promise<UserRecord> {
    return this.users.setActive(id, body.is_active, context);
  }
}
