import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { PreconditionGuard } from '../common/http/precondition';
import { AppConfig } from '../config/app-config';
import { QuotasModule } from '../quotas/quotas.module';
import { CredentialRateLimitGuard } from '../rate-limits/credential-rate-limit.guard';
import { RateLimitsModule } from '../rate-limits/rate-limits.module';
import { RightsModule } from '../rights/rights.module';
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
import { GroupExpiry } from './group-expiry';
import { LocalJwtStrategy } from './local-jwt.strategy';
import { LoginFailures } from './login-failures';
import { LoginService } from './login.service';
import { PasswordCheck } from './password-check';
import { PasswordHasher } from './password-hasher';
import { SessionsRepository } from './sessions.repository';
import { SessionsService } from './sessions.service';
import { signingKey } from './signing-key';
import { UsersRepository } from './users.repository';
import { UsersService } from './users.service';

/** Authentication. Importing this module closes every route of the application that is not marked public. */
@Module({
  imports: [QuotasModule, RateLimitsModule, RightsModule],
  controllers: [AuthController, ApiTokensController],
  providers: [
    { provide: SIGNING_KEY, inject: [AppConfig], useFactory: signingKey },
    AccessTokens,
    CredentialCache,
    PasswordHasher,
    UsersRepository,
    SessionsRepository,
    ApiTokensRepository,
    ExternalUsers,
    GroupExpiry,
    UsersService,
    SessionsService,
    LoginFailures,
    PasswordCheck,
    LoginService,
    ApiTokensService,
    AdminBootstrap,
    LocalJwtStrategy,
    ExternalJwtStrategy,
    ApiTokenStrategy,
    // Guards run in this order: first find out who calls, then apply the rate limit of the credential, then refuse
    // conditions that would be ignored. The rate limit of addresses is a hook that runs before all guards.
    AuthenticationGuard,
    { provide: APP_GUARD, useExisting: AuthenticationGuard },
    { provide: APP_GUARD, useClass: CredentialRateLimitGuard },
    { provide: APP_GUARD, useClass: PreconditionGuard },
  ],
  exports: [
    AdminBootstrap,
    ApiTokensRepository,
    AuthenticationGuard,
    CredentialCache,
    GroupExpiry,
    LoginFailures,
    PasswordCheck,
    PasswordHasher,
    SessionsRepository,
    SessionsService,
    UsersRepository,
  ],
})
export class AuthModule {}
