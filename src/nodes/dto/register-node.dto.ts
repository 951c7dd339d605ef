import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, ValidateBy } from 'class-validator';
import { Optional, TextField } from '../../common/validation/fields';
import { DRIVEN_KINDS, type DrivenKind } from '../../engines/runtime-kinds';
import { isEngineEndpoint } from '../engine-endpoint';
import type { NewNode, NodeType } from '../node.types';
import { capacityOf, CpuCores, GpuUnits, MemoryMb, StorageGb } from './capacity.fields';
import { OptionalLabels, OptionalNodeType, Region } from './node.fields';

const NAME = /^[A-Za-z0-9._-]+$/;

/** The node to register. The service checks what each kind of engine needs beyond this. */
export class RegisterNodeDto {
  @ApiProperty({ example: 'edge-7', minLength: 1, maxLength: 100, pattern: NAME.source })
  @TextField({ max: 100, pattern: NAME, hint: 'contain only letters, digits, ., _ and -' })
  name!: string;

  @OptionalNodeType({ default: 'compute_node' })
  node_type: NodeType = 'compute_node';

  @Region()
  region!: string;

  @ApiProperty({ enum: DRIVEN_KINDS })
  @IsIn(DRIVEN_KINDS, { message: `runtime must be one of: ${DRIVEN_KINDS.join(', ')}` })
  runtime!: DrivenKind;

  @ApiPropertyOptional({
    example: 'tcp://10.0.0.5:2376',
    maxLength: 300,
    description: 'The address of the Docker Engine; required for it. Another machine is reached over TLS only.',
  })
  @Optional()
  @ValidateBy({
    name: 'engineEndpoint',
    validator: {
      validate: isEngineEndpoint,
      defaultMessage: () => 'endpoint must look like tcp://host:port or unix:///path/to/the.sock',
    },
  })
  endpoint?: string;

  @CpuCores()
  cpu_cores?: number;

  @MemoryMb()
  memory_mb?: number;

  @GpuUnits()
  gpu_units?: number;

  @StorageGb()
  storage_gb?: number;

  @OptionalLabels('Free text about the node, by key.')
  labels?: Record<string, string>;

  toNode(): NewNode {
    const { name, node_type: nodeType, region, runtime, endpoint = null, labels = {} } = this;
    return { name, nodeType, region, runtime, endpoint, labels, capacity: capacityOf(this) };
  }
}
