import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn } from 'class-validator';
import { Optional, QueryInteger } from '../common/validation/fields';
import { DeploymentStatusDto } from '../deployments/dto/deployment-status.dto';
import { WAIT_CONDITIONS, type WaitCondition } from './wait-condition';

export class WaitQueryDto {
  @ApiProperty({
    enum: WAIT_CONDITIONS,
    example: 'running',
    description:
      '`healthy`: as many replicas as wanted run and none has failed. `rolled_out`: it runs, and only the current revision does. ' +
      '`stopped`: no container is left. `torn_down`: it is deleted, and nothing is held any more but what is kept for a restore.',
  })
  @IsIn(WAIT_CONDITIONS, { message: `for must be one of: ${WAIT_CONDITIONS.join(', ')}` })
  for!: WaitCondition;

  @ApiPropertyOptional({ description: 'Seconds to wait at most', default: 30, minimum: 0, maximum: 300, type: 'integer' })
  @Optional()
  @QueryInteger({ min: 0, max: 300 })
  timeout: number = 30;
}

export class WaitedDto extends DeploymentStatusDto {
  @ApiProperty({ description: 'False: the time was over before it came true, or it will never come true by itself' })
  reached!: boolean;
}
