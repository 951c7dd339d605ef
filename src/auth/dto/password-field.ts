import { TextField } from '../../common/validation/fields';
import { STRONG_PASSWORD } from '../strong-password';

/** A password that is given to an account. */
export const PasswordField = (): PropertyDecorator =>
  TextField({ min: 8, max: 100, pattern: STRONG_PASSWORD, hint: 'contain an upper-case letter, a lower-case letter and a digit' });

/** How the document describes it. */
export const PASSWORD_SHOWN = {
  example: 'Correct-Horse-7',
  format: 'password',
  minLength: 8,
  maxLength: 100,
  description: 'With an upper-case letter, a lower-case letter and a digit.',
} as const;
