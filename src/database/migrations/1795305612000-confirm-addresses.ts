import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which addresses of users have agreed to e-mails, and the codes that ask them. Whoever gets e-mails already goes on getting them. */
export class ConfirmAddresses1795305612000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE confirmed_addresses (
        user_id      uuid NOT NULL CONSTRAINT fk_confirmed_addresses_user REFERENCES users (id) ON DELETE CASCADE,
        email        text NOT NULL,
        confirmed_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT pk_confirmed_addresses PRIMARY KEY (user_id, email)
      )`);
    await runner.query(`
      CREATE TABLE address_codes (
        id              uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT pk_address_codes PRIMARY KEY,
        user_id         uuid NOT NULL CONSTRAINT fk_address_codes_user REFERENCES users (id) ON DELETE CASCADE,
        email           text NOT NULL,
        subscription_id uuid NOT NULL,
        code_hash       text,
        wrong_codes     integer NOT NULL DEFAULT 0,
        created_at      timestamptz NOT NULL DEFAULT now(),
        sent_at         timestamptz,
        expires_at      timestamptz
      )`);
    await runner.query(`CREATE INDEX ix_address_codes_user ON address_codes (user_id, created_at)`);
    await runner.query(`CREATE INDEX ix_address_codes_email ON address_codes (email, created_at)`);
    await runner.query(`
      INSERT INTO confirmed_addresses (user_id, email)
      SELECT u.id, u.email FROM users AS u
       WHERE u.email NOT LIKE '%.invalid' AND EXISTS (SELECT 1 FROM subscriptions AS s WHERE s.user_id = u.id AND s.kind = 'email')`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE address_codes, confirmed_addresses`);
  }
}
