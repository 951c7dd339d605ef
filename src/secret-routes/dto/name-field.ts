import { TextField } from '../../common/validation/fields';
import { MAX_SECRET_NAME, SECRET_NAME } from '../../secrets/secret-name';

/** What names a secret or a registry in a path. */
export const NameField = (): PropertyDecorator =>
  TextField({
    max: MAX_SECRET_NAME,
    pattern: SECRET_NAME,
    hint: 'contain only lower-case letters, digits, ".", "_" and "-", and begin and end with a letter or digit',
  });
