import { ApiPropertyOptional, IntersectionType } from '@nestjs/swagger';
import { DryRunQueryDto } from '../../common/validation/dry-run.query.dto';
import { Optional, QueryFlag, QueryInteger, TextField } from '../../common/validation/fields';
import { MAX_GRACE_SECONDS, MAX_KEEP_WARM_LENGTH } from '../teardown-options';

/** How the containers of a deletion end; the preview takes the same. */
export class TeardownQueryDto {
  @ApiPropertyOptional({
    description: 'Between asking a container to end and killing it; default: STOP_GRACE_SECONDS (10)',
    minimum: 0,
    maximum: MAX_GRACE_SECONDS,
    type: 'integer',
  })
  @Optional()
  @QueryInteger({ min: 0, max: MAX_GRACE_SECONDS })
  grace_seconds?: number;

  @ApiPropertyOptional({
    description: 'Kill at once. Asked by an administrator, also give up what nodes that do not answer hold',
    default: false,
    type: Boolean,
  })
  @Optional()
  @QueryFlag()
  force: boolean = false;

  @ApiPropertyOptional({
    description:
      'Keep the containers that run, stopped, and what they reserve, for so long: `600s`, `10m`, `1h`, at most `24h`. Not with `force`',
  })
  @Optional()
  @TextField({ max: MAX_KEEP_WARM_LENGTH })
  keep_warm?: string;
}

export class DeleteQueryDto extends IntersectionType(TeardownQueryDto, DryRunQueryDto) {
  @ApiPropertyOptional({ description: 'Seconds to wait for the teardown; default: grace + 5', minimum: 0, maximum: 60, type: 'integer' })
  @Optional()
  @QueryInteger({ min: 0, max: 60 })
  wait?: number;
}
