import { ApiProperty } from '@nestjs/swagger';
import { TextField } from '../../common/validation/fields';

/** Allows more than registration does, so that any wrong guess is answered with 401. */
export class LoginDto {
  @ApiProperty({ example: 'ada', maxLength: 100, description: 'In any case.' })
  @TextField({ max: 100 })
  username!: string;

  @ApiProperty({ example: 'Correct-Horse-7', format: 'password', maxLength: 100 })
  @TextField({ max: 100 })
  password!: string;
}

export class RefreshDto {
  @ApiProperty({
    example: 'fogr_4nUuPZ0sV4cYw8Wc2mJb1r3f5h7k9m1p3q5s7u9w1y3',
    maxLength: 200,
    description: 'From the last log-in or refresh; good for one use.',
  })
  @TextField({ max: 200 })
  refresh_token!: string;
}

export class TokenPairDto {
  @ApiProperty({ description: 'Send it as `Authorization: Bearer <access_token>`.' })
  access_token!: string;

  @ApiProperty({ description: 'Good for one use at POST /api/auth/refresh.' })
  refresh_token!: string;

  @ApiProperty({ enum: ['bearer'] })
  token_type!: 'bearer';

  @ApiProperty({ type: 'integer', example: 900, description: 'Seconds until the access token expires.' })
  expires_in!: number;

  static of(pair: { accessToken: string; refreshToken: string; expiresInSeconds: number }): TokenPairDto {
    return Object.assign(new TokenPairDto(), {
      access_token: pair.accessToken,
      refresh_token: pair.refreshToken,
      token_type: 'bearer' as const,
      expires_in: pair.expiresInSeconds,
    });
  }
}
