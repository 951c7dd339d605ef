import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean } from 'class-validator';
import { ListAsSent, Optional, OptionalOrNull } from '../../common/validation/fields';
import { DEPLOY_EXAMPLE, DeployRequestDto } from '../../deployments/dto/deploy-request.dto';
import { ProjectField } from '../../rights/project-field';
import { MAX_BULK_DEPLOYMENTS } from '../operation.types';

const { type, container_image, resources } = DEPLOY_EXAMPLE;

/** The example of Swagger UI: two that run, and that anyone may delete. */
export const BULK_DEPLOY_EXAMPLE = {
  deployments: ['web-blue', 'web-green'].map((name) => ({ name, type, container_image, resources })),
};

export class BulkDeployRequestDto {
  @ApiProperty({ description: 'Each as in a single deploy without `project`, and checked by itself', type: () => [DeployRequestDto] })
  @ListAsSent({ minEntries: 1, maxEntries: MAX_BULK_DEPLOYMENTS })
  deployments!: unknown[];

  @ApiPropertyOptional({
    description: 'The name or id of the project that gets all of them. Default: your personal project',
    maxLength: 64,
  })
  @OptionalOrNull()
  @ProjectField()
  project?: string;

  /** Not in the OpenAPI document, as that of queries: see `DryRunQueryDto`. */
  @Optional()
  @IsBoolean()
  dry_run: boolean = false;

  @ApiPropertyOptional({ description: 'Deploy all of them or none', default: false })
  @Optional()
  @IsBoolean()
  all_or_nothing: boolean = false;
}
