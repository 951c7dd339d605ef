import { isEmail, ValidateBy } from 'class-validator';
import { isCleanText } from '../../common/validation/text';

/** `isEmail` throws a URIError for half a surrogate pair, which would be answered with 500, so broken text is refused before. */
function isEmailAddress(value: unknown): boolean {
  return typeof value === 'string' && isCleanText(value) && isEmail(value, { allow_utf8_local_part: false });
}

/** The e-mail address of an account. */
export const EmailField = (): PropertyDecorator =>
  ValidateBy({
    name: 'email',
    validator: { validate: isEmailAddress, defaultMessage: () => 'email must be an email address' },
  });
