import { OmitType } from '@nestjs/swagger';
import { ProblemDto } from '../../common/problem/problem.dto';
import type { Problem } from '../../common/problem/to-problem';

/** A problem in a list of results: without what only a request of its own would have. */
export class ItemProblemDto extends OmitType(ProblemDto, ['instance', 'request_id']) {
  static of({ errors, ...problem }: Problem): ItemProblemDto {
    return { ...problem, ...(errors ? { errors: [...errors] } : {}) };
  }
}
