import { IntersectionType } from '@nestjs/mapped-types';
import { plainToInstance } from 'class-transformer';
import { getMetadataStorage, validateSync } from 'class-validator';
import { contradictions } from './contradictions';
import { readEnvironment } from './environment';
import { misspelledNames } from './misspelled';
import { AgentConfig } from './sections/agent-config';
import { AuthConfig } from './sections/auth-config';
import { DatabaseConfig } from './sections/database-config';
import { EnginesConfig } from './sections/engines-config';
import { IsolationConfig } from './sections/isolation-config';
import { LimitsConfig } from './sections/limits-config';
import { NotificationsConfig } from './sections/notifications-config';
import { QuotasConfig } from './sections/quotas-config';
import { RetentionConfig } from './sections/retention-config';
import { RoutingConfig } from './sections/routing-config';
import { ServerConfig } from './sections/server-config';

/**
 * Every environment variable that the process reads, by sections. `.env.example` has one line per field; a test compares
 * the two.
 */
export class AppConfig extends IntersectionType(
  ServerConfig,
  DatabaseConfig,
  EnginesConfig,
  IsolationConfig,
  AuthConfig,
  LimitsConfig,
  QuotasConfig,
  RetentionConfig,
  NotificationsConfig,
  RoutingConfig,
  AgentConfig,
) {}

/**
 * The configuration in these variables. Throws one Error that names every fault, before anything has started. Empty
 * variables count as absent.
 */
export function loadConfig(env: NodeJS.ProcessEnv): AppConfig {
  const known = variableNames();
  const { values, faults } = readEnvironment(env, known);
  const config = plainToInstance(AppConfig, values, { exposeDefaultValues: true });
  const broken = validateSync(config, { whitelist: true, stopAtFirstError: true }).flatMap((error) =>
    Object.values(error.constraints ?? {}),
  );
  const all = [...faults, ...broken, ...contradictions(config, values), ...misspelledNames(Object.keys(values), known)];
  if (all.length > 0) throw new Error(`Invalid environment:\n  ${all.join('\n  ')}`);
  return Object.freeze(config);
}

const variableNames = (): ReadonlySet<string> =>
  new Set(
    getMetadataStorage()
      .getTargetValidationMetadatas(AppConfig, '', false, false)
      .map(({ propertyName }) => propertyName),
  );
