import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AppConfig } from '../config/app-config';
import { AccessTokens, SIGNING_KEY } from './access-tokens';
import { AddressLimit } from './address-limit';
import { AdminBootstrap } from './admin-bootstrap';
import { ApiTokenStrategy } from './api-token.strategy';
import { ApiTokensController } from './api-tokens.controller';
import { ApiTokensRepository } from './api-tokens.repository';
import { ApiTokensService } from './api-tokens.service';
import { AuthLimit } from './auth-limit';
import { AuthController } from './auth.controller';
import { AuthenticationGuard } from './authentication.guard';
import { CredentialCache } from './credential-cache';
import { CredentialLimitGuard } from './credential-limit.guard';
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

/** Who may call. Importing it closes every route of the application that is not marked public. */
@Module({
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
    AddressLimit,
    AuthLimit,
    LocalJwtStrategy,
    ExternalJwtStrategy,
    ApiTokenStrategy,
    // Guards run in this order: find out who calls, then hold each caller to its share. Floods were turned away before.
    AuthenticationGuard,
    { provide: APP_GUARD, useExisting: AuthenticationGuard },
    { provide: APP_GUARD, useClass: CredentialLimitGuard },
  ],
  exports: [AddressLimit, AdminBootstrap, AuthenticationGuard, SessionsService],
})
export class AuthModule {}
