import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { PROBLEMS } from './catalog';

/** One fault of the input, as the OpenAPI document shows it. */
export class FieldFaultDto {
  @ApiProperty({ description: 'JSON pointer (RFC 6901) into the body, or the name of the parameter.', example: '/replicas' })
  pointer!: string;

  @ApiProperty({ example: 'replicas must be an integer from 1 to 100' })
  detail!: string;
}

/** The shape of every error answer, as the OpenAPI document shows it. */
export class ProblemDto {
  @ApiProperty({ example: 'urn:fog-compute:problem:not_found' })
  type!: string;

  @ApiProperty({ example: 'Not found' })
  title!: string;

  @ApiProperty({ type: 'integer', example: 404 })
  status!: number;

  @ApiProperty({ description: 'One sentence for people.' })
  detail!: string;

  @ApiProperty({ description: 'The path of the request, without its query.', example: '/api/deployment/list' })
  instance!: string;

  @ApiProperty({
    description: 'Stable, for programs; docs/errors.md lists them all.',
    enum: Object.keys(PROBLEMS),
    enumName: 'ProblemCode',
  })
  code!: string;

  @ApiProperty({ description: 'The id under which the log knows this request.' })
  request_id!: string;

  @ApiPropertyOptional({ type: () => [FieldFaultDto], description: 'At most ten faults of the input.' })
  errors?: FieldFaultDto[];
}
