import { documented } from '../../common/validation/documented';
import type { AppConfig } from '../../config/app-config';

/** Under this name a member of a schema carries its `ConfiguredLimit`, until `stateLimits` puts the numbers in its place. */
export const LIMIT_MARK = 'x-configured-limit';

type Setting = { [Name in keyof AppConfig]: AppConfig[Name] extends number ? Name : never }[keyof AppConfig];

/** The settings that hold the limits of a member. */
export interface ConfiguredLimit {
  readonly minimum?: Setting;
  readonly maximum?: Setting;
  readonly maxItems?: Setting;
}

/**
 * Has the OpenAPI document state the limits of this installation for the member, in every schema that is derived from its class.
 * `limitFaults` checks them; what the class itself checks are bounds that no configuration exceeds.
 */
export const LimitedBy = (limit: ConfiguredLimit): PropertyDecorator => documented(marked(limit));

/** The types of Nest know no extensions of schemas. */
const marked = (limit: ConfiguredLimit): object => ({ [LIMIT_MARK]: limit });
