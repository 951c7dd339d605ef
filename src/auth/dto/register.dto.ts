import { ApiProperty } from '@nestjs/swagger';
import { TextField } from '../../common/validation/fields';
import { EmailField } from './email-field';

const PASSWORD = /^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)/;

export class RegisterDto {
  @ApiProperty({ example: 'ada', minLength: 3, maxLength: 50, pattern: '^[A-Za-z0-9_-]+$', description: 'Stored in lower case.' })
  @TextField({ min: 3, max: 50, pattern: /^[A-Za-z0-9_-]+$/, hint: 'consist of letters, digits, `_` and `-`' })
  username!: string;

  @ApiProperty({ example: 'ada@example.org', format: 'email', maxLength: 254 })
  @EmailField()
  email!: string;

  @ApiProperty({
    example: 'Correct-Horse-7',
    format: 'password',
    minLength: 8,
    maxLength: 100,
    description: 'With an upper-case letter, a lower-case letter and a digit.',
  })
  @TextField({ min: 8, max: 100, pattern: PASSWORD, hint: 'contain an upper-case letter, a lower-case letter and a digit' })
  password!: string;
}
