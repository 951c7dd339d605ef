import { ApiPropertyOptional } from '@nestjs/swagger';
import { DryRunQueryDto } from '../../common/validation/dry-run.query.dto';
import { Optional, QueryFlag } from '../../common/validation/fields';

const RaiseTarget = (): PropertyDecorator =>
  ApiPropertyOptional({ type: Boolean, default: false, description: 'Where all replicas run already: one more is wanted from now on' });

export class AdoptPreviewQueryDto {
  @RaiseTarget()
  @Optional()
  @QueryFlag()
  raise_target: boolean = false;
}

export class AdoptQueryDto extends DryRunQueryDto {
  @RaiseTarget()
  @Optional()
  @QueryFlag()
  raise_target: boolean = false;
}
