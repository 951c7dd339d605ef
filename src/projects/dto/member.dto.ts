import { ApiProperty } from '@nestjs/swagger';
import { IsIn } from 'class-validator';
import { ROLES, type Role } from '../../rights/rights';
import type { Member } from '../project.types';

export const MEMBER_EXAMPLE = { role: 'deployer' };

export class PutMemberDto {
  @ApiProperty({
    enum: ROLES,
    example: 'deployer',
    description: '`viewer` reads, `deployer` also deploys, changes and deletes, `maintainer` also decides about members and the project',
  })
  @IsIn(ROLES)
  role!: Role;
}

export class MemberDto {
  @ApiProperty({ format: 'uuid' })
  user_id!: string;

  @ApiProperty()
  username!: string;

  @ApiProperty({ description: 'False: the account is switched off' })
  is_active!: boolean;

  @ApiProperty({ enum: ROLES, description: 'The stronger of the next two' })
  role!: Role;

  @ApiProperty({ type: String, enum: ROLES, nullable: true, description: 'Apart from groups; null: a member by a group only' })
  direct_role!: Role | null;

  @ApiProperty({ type: String, enum: ROLES, nullable: true, description: 'By groups of your identity provider' })
  group_role!: Role | null;

  @ApiProperty({ format: 'date-time' })
  added_at!: string;

  static of({ userId, username, isActive, role, directRole, groupRole, addedAt }: Member): MemberDto {
    const roles = { role, direct_role: directRole, group_role: groupRole };
    return { user_id: userId, username, is_active: isActive, ...roles, added_at: addedAt.toISOString() };
  }
}
