import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, ValidateBy } from 'class-validator';
import { IsPlainMap, Optional, TextField } from '../../common/validation/fields';
import { DRIVEN_KINDS, type DrivenKind } from '../../engines/runtime-kinds';
import { isEngineEndpoint } from '../engine-endpoint';
import { ENGINE_CHOOSES, type NewNode, type NodeType } from '../node.types';
import { capacityOf, CpuCores, GpuUnits, MemoryMb, StorageGb } from './capacity.fields';
import {
  OptionalAddress,
  OptionalGateway,
  OptionalIngressClass,
  OptionalKubeconfig,
  OptionalLabels,
  OptionalNodeType,
  OptionalOciRuntime,
  Region,
} from './node.fields';

const NAMESPACE = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/;
const SELECTOR_KEY = /^(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
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

  @OptionalAddress()
  address?: string | null;

  @OptionalKubeconfig()
  kubeconfig?: string;

  @ApiPropertyOptional({
    example: 'fog-compute',
    maxLength: 63,
    pattern: NAMESPACE.source,
    description: 'Kubernetes only: where the Jobs of replicas are made. It has to exist. Left out: fog-compute.',
  })
  @Optional()
  @TextField({ max: 63, pattern: NAMESPACE, hint: 'be the name of a namespace: lower-case letters, digits and -' })
  namespace?: string;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { type: 'string' },
    description: 'Kubernetes only: the labels of the machines that the node consists of. Left out: all machines of the cluster.',
  })
  @Optional()
  @IsPlainMap({ maxEntries: 16, keyPattern: SELECTOR_KEY, maxValueLength: 63 })
  node_selector?: Record<string, string>;

  @OptionalIngressClass()
  ingress_class?: string | null;

  @OptionalGateway()
  gateway?: string | null;

  @OptionalOciRuntime()
  oci_runtime: string = ENGINE_CHOOSES;

  toNode(): NewNode {
    const { name, node_type: nodeType, region, runtime, endpoint = null, address = null, labels = {} } = this;
    const cluster = {
      kubeconfig: this.kubeconfig,
      namespace: this.namespace,
      nodeSelector: this.node_selector,
      ingressClass: this.ingress_class,
      gateway: this.gateway,
    };
    return {
      name,
      nodeType,
      region,
      runtime,
      endpoint,
      address,
      labels,
      cluster,
      ociRuntime: this.oci_runtime,
      capacity: capacityOf(this),
    };
  }
}
