import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsInt, Max, Min } from 'class-validator';
import { OptionalOrNull, TextField } from '../../common/validation/fields';

export const ROUTE_STATES = ['waiting', 'active', 'removed'] as const;
type RouteState = (typeof ROUTE_STATES)[number];

export class RouteRequestDto {
  @ApiPropertyOptional({
    description: 'A host name; without one it is reached as `{name}.{owner}.` and the domain of this installation',
    maxLength: 500,
  })
  @OptionalOrNull()
  @TextField({ max: 500 })
  host?: string;

  @ApiPropertyOptional({ description: 'Only this path and what is below it', default: '/', maxLength: 500 })
  @OptionalOrNull()
  @TextField({ max: 500 })
  path_prefix: string = '/';

  @ApiProperty({ description: "One of the deployment's tcp ports", example: 8080, minimum: 1, maximum: 65_535, type: 'integer' })
  @IsInt()
  @Min(1)
  @Max(65_535)
  port!: number;
}

export class RouteDto {
  @ApiProperty({ example: 'web-api.ada.localhost' })
  host!: string;

  @ApiProperty({ example: '/' })
  path_prefix!: string;

  @ApiProperty({ type: 'integer', description: 'The port of the containers that answers' })
  port!: number;

  @ApiProperty({ example: 'http://web-api.ada.localhost:8080/' })
  url!: string;

  @ApiProperty({
    enum: ROUTE_STATES,
    description:
      '`waiting`: no healthy replica is there to answer. `removed`: it went with a deletion, or others had it when the deployment was restored',
  })
  state!: RouteState;

  @ApiProperty({ type: 'integer', description: 'How many replicas answer' })
  backends!: number;

  @ApiProperty({
    type: [String],
    example: [],
    description: 'The Services that lead there inside of the Kubernetes clusters which run replicas of it, as host:port; empty elsewhere',
  })
  cluster_endpoints!: string[];
}
