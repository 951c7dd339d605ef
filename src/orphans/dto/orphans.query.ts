import { ApiPropertyOptional } from '@nestjs/swagger';
import { Optional, QueryInteger, TextField } from '../../common/validation/fields';
import { ORPHAN_KINDS, ORPHAN_STATES, type OrphanKind, type OrphanState } from '../orphan.types';

const oneOf = (values: readonly string[]) => ({
  max: 20,
  pattern: new RegExp(`^(${values.join('|')})$`),
  hint: `be one of ${values.join(', ')}`,
});

/** Which orphans to show. */
export class OrphansQueryDto {
  @ApiPropertyOptional({ enum: ORPHAN_KINDS })
  @Optional()
  @TextField(oneOf(ORPHAN_KINDS))
  kind?: OrphanKind;

  @ApiPropertyOptional({ format: 'uuid' })
  @Optional()
  @TextField({ max: 36, pattern: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i, hint: 'be a UUID' })
  node_id?: string;

  @ApiPropertyOptional({ enum: ORPHAN_STATES, description: 'Absent: those that have not ended. What has ended is kept for a day' })
  @Optional()
  @TextField(oneOf(ORPHAN_STATES))
  state?: OrphanState;

  @ApiPropertyOptional({ type: 'integer', minimum: 1, maximum: 100, default: 20 })
  @Optional()
  @QueryInteger({ min: 1, max: 100 })
  limit: number = 20;

  @ApiPropertyOptional({ type: 'integer', minimum: 0, maximum: 1_000_000, default: 0 })
  @Optional()
  @QueryInteger({ min: 0, max: 1_000_000 })
  offset: number = 0;
}
