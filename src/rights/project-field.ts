import { TextField } from '../common/validation/fields';

/** What names a project in a request: its name in any case, or its id. */
export const ProjectField = (): PropertyDecorator =>
  TextField({ max: 64, pattern: /^[A-Za-z0-9_-]+$/, hint: 'be the name or the id of a project' });
