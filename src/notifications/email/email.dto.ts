import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Optional, TextField } from '../../common/validation/fields';
import type { AccountAddress } from '../account-address';
import { ChangeSubscriptionDto, CreateSubscriptionDto, SubscriptionDto } from '../dto/subscription.dto';
import type { SubscriptionRecord } from '../subscription';

/** It has no address: e-mails go to the address of the account, once its reader has confirmed it. */
export class CreateEmailDto extends CreateSubscriptionDto {}

/** What is absent stays as it is. */
export class ChangeEmailDto extends ChangeSubscriptionDto {}

export class ConfirmEmailDto {
  @ApiPropertyOptional({ description: 'From our e-mail; absent: send a new one', example: '3f9a1c5e7b2d4a60', maxLength: 64 })
  @Optional()
  @TextField({ max: 64 })
  code?: string;
}

export class EmailDto extends SubscriptionDto {
  @ApiProperty({ example: 'ada@example.org', description: 'Where the e-mails go: the address of your account' })
  email!: string;

  @ApiProperty({ description: 'Whether you have confirmed that address; until then nothing is sent there but the code' })
  confirmed!: boolean;

  @ApiProperty({
    type: String,
    nullable: true,
    example: null,
    description: 'Why the e-mail with the code could not be sent; null while nothing is wrong',
  })
  confirmation_error!: string | null;

  static from(record: SubscriptionRecord, { email, isConfirmed, confirmationError }: AccountAddress): EmailDto {
    return { ...SubscriptionDto.shared(record), email, confirmed: isConfirmed, confirmation_error: isConfirmed ? null : confirmationError };
  }
}
