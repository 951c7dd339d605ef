import { ApiPropertyOptional } from '@nestjs/swagger';
import { Optional, TextField } from '../../common/validation/fields';
import { OffsetPageQueryDto } from '../../common/validation/offset-page.query.dto';

/** A page of users, by name. */
export class ListUsersQuery extends OffsetPageQueryDto {
  @ApiPropertyOptional({ maxLength: 100, description: 'Part of the user name or of the e-mail address, in any case.' })
  @Optional()
  @TextField({ max: 100 })
  search?: string;
}
