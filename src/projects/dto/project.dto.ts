import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { isUuid } from '../../common/uuid';
import { Optional, OptionalOrNull, QueryFlag, TextField } from '../../common/validation/fields';
import { OffsetPageQueryDto } from '../../common/validation/offset-page.query.dto';
import { ResourcesDto } from '../../deployments/dto/deployment-status.dto';
import { OwnQuotaDto } from '../../quotas/dto/own-quota.dto';
import { QuotaDto } from '../../quotas/dto/quota.dto';
import { ROLES, type Role } from '../../rights/rights';
import type { Project, ProjectWords } from '../project.types';

const PATTERN = /^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?$/;
const NAME = {
  description: 'Unique among projects and user names, stored in lower case; hosts of routes are named after it',
  example: 'web-team',
  minLength: 3,
  maxLength: 50,
  pattern: PATTERN.source,
};

/** Ids and names stand in the same places of requests, so a name never looks like an id. */
const NOT_AN_ID = /^(?![0-9a-fA-F]{8}-[0-9a-fA-F]{4}-)/;

const NameField = (): PropertyDecorator =>
  TextField({
    min: 3,
    max: 50,
    pattern: new RegExp(NOT_AN_ID.source + PATTERN.source.slice(1)),
    hint: 'contain only letters, digits and "-", begin and end with a letter or digit, and not look like an id',
  });

const DESCRIPTION = { description: 'What it is for', maxLength: 500, example: 'The shop and its tools' };

/** The example that Swagger UI offers. */
export const PROJECT_EXAMPLE = { name: 'web-team', description: 'The shop and its tools' };

export class CreateProjectDto {
  @ApiProperty(NAME)
  @NameField()
  name!: string;

  @ApiPropertyOptional({ ...DESCRIPTION, default: '' })
  @OptionalOrNull()
  @TextField({ min: 0, max: 500, multiline: true })
  description: string = '';

  toWords(): ProjectWords {
    return { name: this.name.toLowerCase(), description: this.description };
  }
}

export class ChangeProjectDto {
  @ApiPropertyOptional(NAME)
  @Optional()
  @NameField()
  name?: string;

  @ApiPropertyOptional(DESCRIPTION)
  @Optional()
  @TextField({ min: 0, max: 500, multiline: true })
  description?: string;

  toChange(): Partial<ProjectWords> {
    const { name, description } = this;
    return { ...(name === undefined ? {} : { name: name.toLowerCase() }), ...(description === undefined ? {} : { description }) };
  }
}

export class ProjectsQueryDto extends OffsetPageQueryDto {
  @ApiPropertyOptional({ description: 'Administrators: the projects of all users', default: false, type: Boolean })
  @Optional()
  @QueryFlag()
  all_users: boolean = false;
}

/** What the project holds, by its open reservations. */
export class ProjectUsageDto extends ResourcesDto {
  @ApiProperty({ type: 'integer', description: 'Live ones' })
  deployments!: number;

  @ApiProperty({ type: 'integer', description: 'Those that hold capacity' })
  replicas!: number;
}

export class ProjectDto {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty()
  name!: string;

  @ApiProperty()
  description!: string;

  @ApiProperty({ description: 'It came with its user, has no other members, and cannot be deleted' })
  personal!: boolean;

  @ApiProperty({ enum: ROLES, description: 'Yours; administrators count as maintainers' })
  role!: Role;

  @ApiProperty({ type: 'integer' })
  members!: number;

  @ApiProperty({ type: () => ProjectUsageDto })
  usage!: ProjectUsageDto;

  @ApiProperty({
    type: () => QuotaDto,
    description: 'The limits that hold, and what counts towards them; of a personal project, those of its user in all projects',
  })
  quota!: QuotaDto;

  @ApiProperty({ type: () => OwnQuotaDto, description: 'The limits that an administrator has set; the others are as configured' })
  own_quota!: OwnQuotaDto;

  @ApiProperty({ format: 'date-time' })
  created_at!: string;

  @ApiProperty({ format: 'date-time' })
  updated_at!: string;

  static of(project: Project): ProjectDto {
    const { id, name, description, isPersonal, role, members, deployments, replicas, createdAt, updatedAt } = project;
    return {
      id,
      name,
      description,
      personal: isPersonal,
      role,
      members,
      usage: {
        deployments,
        replicas,
        cpu_cores: project.cpuCores,
        memory_mb: project.memoryMb,
        gpu_units: project.gpuUnits,
        storage_gb: project.storageGb,
      },
      quota: QuotaDto.of(project.limits, project.held),
      own_quota: project.ownQuota,
      created_at: createdAt.toISOString(),
      updated_at: updatedAt.toISOString(),
    };
  }
}

export class DeletedProjectDto {
  @ApiProperty({ enum: [true] })
  success!: true;

  @ApiProperty({ format: 'uuid' })
  project_id!: string;

  @ApiProperty({ example: 'Project web-team deleted' })
  message!: string;
}

/** A user in a path: the id, or the user name in any case. */
export const userRef = (text: string): string => (isUuid(text) ? text.toLowerCase() : text.slice(0, 64));
