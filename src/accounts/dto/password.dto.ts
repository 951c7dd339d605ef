import { ApiProperty } from '@nestjs/swagger';
import { PASSWORD_SHOWN, PasswordField } from '../../auth/dto/password-field';
import { TextField } from '../../common/validation/fields';

export class ChangePasswordDto {
  @ApiProperty({ example: 'Correct-Horse-7', format: 'password', maxLength: 100 })
  @TextField({ max: 100 })
  current_password!: string;

  @ApiProperty({ ...PASSWORD_SHOWN, example: 'Better-Horse-8' })
  @PasswordField()
  new_password!: string;
}

export class RequestPasswordLinkDto {
  @ApiProperty({ example: 'ada', maxLength: 254, description: 'The user name, or the e-mail address of the account.' })
  @TextField({ max: 254 })
  username!: string;
}

export class PasswordLinkAskedDto {
  @ApiProperty({ example: true })
  success!: boolean;

  @ApiProperty({ example: 'If there is such an account, an e-mail with a one-time link is on its way' })
  message!: string;
}

export class ConfirmPasswordDto {
  @ApiProperty({ example: 'fogp_4nUuPZ0sV4cYw8Wc2mJb1r3f5h7k9m1p3q5s7u9w1y3', maxLength: 200 })
  @TextField({ max: 200 })
  token!: string;

  @ApiProperty({ ...PASSWORD_SHOWN, example: 'Better-Horse-8' })
  @PasswordField()
  password!: string;
}
