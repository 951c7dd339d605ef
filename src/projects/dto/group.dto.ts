import { ApiProperty } from '@nestjs/swagger';
import { ROLES, type Role } from '../../rights/rights';
import type { MappedGroup } from '../groups.service';

export class ProjectGroupDto {
  @ApiProperty({ description: 'As the identity provider names it in the claim `JWT_GROUPS_CLAIM`' })
  group!: string;

  @ApiProperty({ enum: ROLES })
  role!: Role;

  @ApiProperty({ format: 'date-time' })
  added_at!: string;

  static of({ group, role, addedAt }: MappedGroup): ProjectGroupDto {
    return { group, role, added_at: addedAt.toISOString() };
  }
}
