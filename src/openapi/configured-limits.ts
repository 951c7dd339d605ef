import type { OpenAPIObject } from '@nestjs/swagger';
import type { AppConfig } from '../config/app-config';
import { LIMIT_MARK, type ConfiguredLimit } from '../deployments/dto/configured-limit';
import { requestedSchemas } from './requested-schemas';
import { isPart, partOf, type Part } from './schema-walk';

/**
 * States the limits of this installation in all requests, with examples that are within them. Answers state none: what they show
 * may have been deployed under other limits.
 */
export function stateLimits(document: OpenAPIObject, config: AppConfig): void {
  const schemas: Part = { ...document.components?.schemas };
  const asked = requestedSchemas(document);
  for (const name of Object.keys(schemas)) {
    for (const member of Object.values(partOf(partOf(schemas, name), 'properties'))) {
      if (isPart(member) && member[LIMIT_MARK] !== undefined) state(member, asked.has(name) ? config : null);
    }
  }
}

function state(member: Part, config: AppConfig | null): void {
  const settings = Object.entries(member[LIMIT_MARK] as ConfiguredLimit) as [string, keyof AppConfig][];
  for (const name of [LIMIT_MARK, 'minimum', 'maximum', 'maxItems'])
    if (!config || name === LIMIT_MARK) Reflect.deleteProperty(member, name);
  if (!config) return;
  for (const [rule, setting] of settings) member[rule] = config[setting];
  const { example, minimum, maximum } = member;
  if (typeof example === 'number') member.example = Math.min(Number(maximum ?? example), Math.max(Number(minimum ?? example), example));
}
