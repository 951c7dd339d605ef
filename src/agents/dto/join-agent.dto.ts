import { ApiProperty } from '@nestjs/swagger';
import { NestedField } from '../../common/validation/nested';
import { TextField } from '../../common/validation/fields';
import type { JoinAnswer } from '../../runtime/agent/join-messages';

/** A machine as it describes itself. */
export class MachineDto {
  @ApiProperty({ example: 'edge-7', maxLength: 253 })
  @TextField({ max: 253 })
  hostname!: string;

  @ApiProperty({
    example: '7d1b5c1e-5a0f-4a7e-9a53-0c7f6d0a9b1e',
    maxLength: 200,
    description: 'The same for as long as it is this machine.',
  })
  @TextField({ max: 200 })
  machine_id!: string;

  @ApiProperty({ example: 'linux/arm64', maxLength: 100 })
  @TextField({ max: 100 })
  platform!: string;

  @ApiProperty({ example: '1.0.0', maxLength: 100 })
  @TextField({ max: 100 })
  program_version!: string;
}

export class JoinAgentDto {
  @ApiProperty({ example: 'fogj_4nUuPZ0sV4cYw8Wc2mJb1r3f5h7k9m1p3q5s7u9w1y3', maxLength: 200 })
  @TextField({ max: 200 })
  join_token!: string;

  @ApiProperty({
    example: 'GbEJPrmO1kqF6VpoDnpXYp2tJ1mWTLkQr8m2Ckt8qYA',
    description: 'The raw 32 bytes of the Ed25519 key that the machine has made and keeps, as base64url.',
  })
  @TextField({ max: 43, min: 43, pattern: /^[A-Za-z0-9_-]{43}$/, hint: 'be 32 bytes in base64url' })
  public_key!: string;

  @ApiProperty({ type: MachineDto })
  @NestedField(() => MachineDto)
  machine!: MachineDto;
}

export class JoinedAgentDto implements JoinAnswer {
  @ApiProperty({ enum: [true] })
  success!: true;

  @ApiProperty({ format: 'uuid' })
  node_id!: string;

  @ApiProperty({ example: 'edge-7' })
  node_name!: string;

  @ApiProperty({ format: 'uuid' })
  installation_id!: string;
}
