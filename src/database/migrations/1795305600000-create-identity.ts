import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who may call: users, their sessions with rotating refresh tokens, and API tokens. Secrets are stored hashed only. */
export class CreateIdentity1795305600000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE users (
        id               uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT pk_users PRIMARY KEY,
        username         text NOT NULL CONSTRAINT uq_users_username UNIQUE,
        email            text NOT NULL CONSTRAINT uq_users_email UNIQUE,
        password_hash    text,
        external_issuer  text,
        external_subject text,
        is_active        boolean NOT NULL DEFAULT true,
        is_admin         boolean NOT NULL DEFAULT false,
        failed_logins    integer NOT NULL DEFAULT 0,
        locked_until     timestamptz,
        created_at       timestamptz NOT NULL DEFAULT now(),
        updated_at       timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT uq_users_external UNIQUE (external_issuer, external_subject),
        CONSTRAINT ck_users_username CHECK (username = lower(username) AND char_length(username) BETWEEN 1 AND 100),
        CONSTRAINT ck_users_email CHECK (email = lower(email)),
        CONSTRAINT ck_users_credentials CHECK (password_hash IS NOT NULL OR external_subject IS NOT NULL)
      )`);
    await runner.query(`
      CREATE TABLE sessions (
        id         uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT pk_sessions PRIMARY KEY,
        user_id    uuid NOT NULL CONSTRAINT fk_sessions_user REFERENCES users (id) ON DELETE CASCADE,
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz NOT NULL,
        revoked_at timestamptz
      )`);
    await runner.query(`CREATE INDEX ix_sessions_user ON sessions (user_id)`);
    await runner.query(`CREATE INDEX ix_sessions_expires ON sessions (expires_at)`);
    await runner.query(`
      CREATE TABLE refresh_tokens (
        token_hash text NOT NULL CONSTRAINT pk_refresh_tokens PRIMARY KEY,
        session_id uuid NOT NULL CONSTRAINT fk_refresh_tokens_session REFERENCES sessions (id) ON DELETE CASCADE,
        created_at timestamptz NOT NULL DEFAULT now(),
        used_at    timestamptz
      )`);
    await runner.query(`CREATE INDEX ix_refresh_tokens_session ON refresh_tokens (session_id)`);
    await runner.query(`CREATE INDEX ix_refresh_tokens_used ON refresh_tokens (used_at) WHERE used_at IS NOT NULL`);
    await runner.query(`
      CREATE TABLE api_tokens (
        id           uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT pk_api_tokens PRIMARY KEY,
        user_id      uuid NOT NULL CONSTRAINT fk_api_tokens_user REFERENCES users (id) ON DELETE CASCADE,
        name         text NOT NULL CONSTRAINT ck_api_tokens_name CHECK (char_length(name) BETWEEN 1 AND 100),
        token_hash   text NOT NULL CONSTRAINT uq_api_tokens_hash UNIQUE,
        prefix       text NOT NULL,
        read_only    boolean NOT NULL DEFAULT false,
        created_at   timestamptz NOT NULL DEFAULT now(),
        expires_at   timestamptz NOT NULL,
        last_used_at timestamptz,
        revoked_at   timestamptz
      )`);
    await runner.query(`CREATE INDEX ix_api_tokens_user ON api_tokens (user_id)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE api_tokens, refresh_tokens, sessions, users`);
  }
}
