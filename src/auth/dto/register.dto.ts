import { ApiProperty } from '@nestjs/swagger';
import { TextField } from '../../common/validation/fields';
import { EmailField } from './email-field';
import { PASSWORD_SHOWN, PasswordField } from './password-field';

export class RegisterDto {
  @ApiProperty({ example: 'ada', minLength: 3, maxLength: 50, pattern: '^[A-Za-z0-9_-]+$', description: 'Stored in lower case.' })
  @TextField({ min: 3, max: 50, pattern: /^[A-Za-z0-9_-]+$/, hint: 'consist of letters, digits, `_` and `-`' })
  username!: string;

  @ApiProperty({ example: 'ada@example.org', format: 'email', maxLength: 254 })
  @EmailField()
  email!: string;

  @ApiProperty(PASSWORD_SHOWN)
  @PasswordField()
  password!: string;
}
