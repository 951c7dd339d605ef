import type { Answer } from '../common/http/answer';
import { etagOf } from '../deployments/etag';
import { ProjectGroupDto } from './dto/group.dto';
import { MemberDto } from './dto/member.dto';
import { ProjectDto, type DeletedProjectDto } from './dto/project.dto';
import type { MovedDto } from './dto/move.dto';
import type { MappedGroup } from './groups.service';
import type { Moved } from './move.service';
import type { Member, Project } from './project.types';
import type { DeletedProject } from './projects.service';

/** The path of a project. */
const projectPath = (id: string): string => `/api/projects/${id}`;

export const madeProjectAnswer = (project: Project): Answer => ({
  status: 201,
  body: ProjectDto.of(project),
  location: projectPath(project.id),
  headers: { ETag: etagOf(project.version) },
});

export const changedProjectAnswer = (project: Project): Answer => ({
  status: 200,
  body: ProjectDto.of(project),
  headers: { ETag: etagOf(project.version) },
});

export const deletedProjectAnswer = ({ id, name }: DeletedProject): Answer => ({
  status: 200,
  body: { success: true, project_id: id, message: `Project ${name} deleted` } satisfies DeletedProjectDto,
});

export const movedAnswer = ({ id, projectId, project, hasMoved }: Moved): Answer => ({
  status: 200,
  body: {
    success: true,
    deployment_id: id,
    project_id: projectId,
    project,
    message: hasMoved ? `Moved to project ${project}` : `Already in project ${project}`,
  } satisfies MovedDto,
});

export const groupAnswer = (group: MappedGroup): Answer => ({ status: 200, body: ProjectGroupDto.of(group) });

export const memberAnswer = (member: Member): Answer => ({ status: 200, body: MemberDto.of(member) });
