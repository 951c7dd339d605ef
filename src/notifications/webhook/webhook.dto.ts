import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Optional, TextField } from '../../common/validation/fields';
import { ChangeSubscriptionDto, CreateSubscriptionDto, SubscriptionDto } from '../dto/subscription.dto';
import type { SubscriptionChange, SubscriptionRecord, SubscriptionSettings } from '../subscription';

const URL_RULE = { description: 'A public https address', example: 'https://hooks.example.org/fog', maxLength: 2_048 };

export class CreateWebhookDto extends CreateSubscriptionDto {
  @ApiProperty(URL_RULE)
  @TextField({ max: 2_048 })
  url!: string;

  override toSettings(): SubscriptionSettings {
    return { ...super.toSettings(), url: this.url };
  }
}

/** What is absent stays as it is. */
export class ChangeWebhookDto extends ChangeSubscriptionDto {
  @ApiPropertyOptional(URL_RULE)
  @Optional()
  @TextField({ max: 2_048 })
  url?: string;

  override toChange(): SubscriptionChange {
    return { ...super.toChange(), url: this.url };
  }
}

export class WebhookDto extends SubscriptionDto {
  @ApiProperty({ example: 'https://hooks.example.org/fog' })
  url!: string;

  @ApiProperty({
    type: String,
    format: 'date-time',
    nullable: true,
    description: 'Until then the secret before the last rotation signs too',
  })
  previous_secret_until!: string | null;

  static from(record: SubscriptionRecord): WebhookDto {
    const previous_secret_until = record.previousSecretUntil?.toISOString() ?? null;
    return { ...SubscriptionDto.shared(record), url: record.url ?? '', previous_secret_until };
  }
}

export class WebhookWithSecretDto extends WebhookDto {
  @ApiProperty({ description: 'What the signatures are made with. It is shown here and never again.', example: 'whsec_…' })
  secret!: string;

  static with(record: SubscriptionRecord, secret: string): WebhookWithSecretDto {
    return { ...WebhookDto.from(record), secret };
  }
}
