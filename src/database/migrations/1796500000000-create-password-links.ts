import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * One-time links that set a password, and the addresses that are known for a name. New tables, so programs of before do not meet
 * them: a link that they do not know answers 404 there, and to them every address is a stranger's.
 */
export class CreatePasswordLinks1796500000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE password_links (
        user_id    uuid    NOT NULL CONSTRAINT fk_password_links_user REFERENCES users (id) ON DELETE CASCADE,
        by_mail    boolean NOT NULL,
        token_hash text CONSTRAINT uq_password_links_token UNIQUE,
        expires_at timestamptz,
        mailed_at  timestamptz,
        CONSTRAINT pk_password_links PRIMARY KEY (user_id, by_mail),
        CONSTRAINT ck_password_links_open CHECK ((token_hash IS NULL) = (expires_at IS NULL))
      )`);
    await runner.query(`
      CREATE TABLE known_addresses (
        hash      bytea       NOT NULL CONSTRAINT pk_known_addresses PRIMARY KEY,
        name_hash bytea       NOT NULL,
        seen_at   timestamptz NOT NULL DEFAULT now()
      )`);
    await runner.query(`CREATE INDEX ix_known_addresses_name ON known_addresses (name_hash)`);
    await runner.query(`CREATE INDEX ix_known_addresses_seen ON known_addresses (seen_at)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE known_addresses, password_links`);
  }
}
