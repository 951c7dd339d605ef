import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AppConfig } from '../config/app-config';
import { CredentialRateLimitGuard } from '../rate-limits/credential-rate-limit.guard';
import { RateLimitsModule } from '../rate-limits/rate-limits.module';
import { AccessTokens, SIGNING_KEY } from './access-tokens';
import { AdminBootstrap } from './admin-bootstrap';
import { ApiTokenStrategy } from './api-token.strategy';
import { ApiTokensController } from './api-tokens.controller';
import { ApiTokensRepository } from './api-tokens.repository';
import { ApiTokensService } from './api-tokens.service';
import { AuthController } from './auth.controller';
import { AuthenticationGuard } from './authentication.guard';
import { CredentialCache } from './credential-cache';
import { ExternalJwtStrategy } from './external-jwt.strategy';
import { ExternalUsers } from './external-users';
import { LocalJwtStrategy } from './local-jwt.strategy';
import { LoginFailures } from './login-failures';
import { LoginService } from './login.service';
import { PasswordHasher } from './password-hasher';
import { SessionsRepository } from './sessions.repository';
import { SessionsService } from './sessions.service';
import { signingKey } from './signing-key';
import { UsersController } from './users.controller';
import { UsersRepository } from './users.repository';
import { UsersService } from './users.service';

/** Authentication. Importing this module closes every route of the application that is not marked public. */
@Module({
  imports: [RateLimitsModule],
  controllers: [AuthController, ApiTokensController, UsersController],
  providers: [
    { provide: SIGNING_KEY, inject: [AppConfig], useFactory: signingKey },
    AccessTokens,
    CredentialCache,
    PasswordHasher,
    UsersRepository,
    SessionsRepository,
    ApiTokensRepository,
    ExternalUsers,
    UsersService,
    SessionsService,
    LoginFailures,
    LoginService,
    ApiTokensService,
    AdminBootstrap,
    LocalJwtStrategy,
    ExternalJwtStrategy,
    ApiTokenStrategy,
    // Guards run in this order: first find out who calls, then apply the rate limit of the credential. The rate limit
    // of addresses is a hook that runs before all guards.
    AuthenticationGuard,
    { provide: APP_GUARD, useExisting: AuthenticationGuard },
    { provide: APP_GUARD, useClass: CredentialRateLimitGuard },
  ],
  exports: [AdminBootstrap, AuthenticationGuard, SessionsService],
})
export class AuthModule {}
