import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import type { OpenedJoin } from '../node.types';
import { NodeDto } from './node.dto';

/** What makes a machine the one of an agent node. */
export class JoinDto {
  @ApiProperty({
    example: 'fogj_4nUuPZ0sV4cYw8Wc2mJb1r3f5h7k9m1p3q5s7u9w1y3',
    description: 'Good for one machine. It is shown here and never again.',
  })
  token!: string;

  @ApiProperty({
    example: 'SERVER_URL=https://fog.example.org JOIN_TOKEN=fogj_4nUuPZ0sV4cYw8Wc2mJb1r3f5h7k9m1p3q5s7u9w1y3 ROLE=agent npm start',
    description: 'To be run on the machine, in the folder of this program.',
  })
  command!: string;

  @ApiProperty({ format: 'date-time' })
  expires_at!: string;

  static of({ token, command, expiresAt }: OpenedJoin): JoinDto {
    return Object.assign(new JoinDto(), { token, command, expires_at: expiresAt.toISOString() });
  }
}

/** A node as it was registered. */
export class RegisteredNodeDto extends NodeDto {
  @ApiPropertyOptional({ type: JoinDto, description: 'Only for an agent node.' })
  join?: JoinDto;
}
