import { ApiProperty } from '@nestjs/swagger';

/** The answer to a removal. */
export class RemovedNodeDto {
  @ApiProperty({ enum: [true] })
  success!: boolean;

  @ApiProperty({ format: 'uuid' })
  node_id!: string;

  @ApiProperty({ example: 'Node edge-7 removed' })
  message!: string;
}
