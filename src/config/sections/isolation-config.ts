import { Transform } from 'class-transformer';
import { IsBoolean, IsIn, Matches } from 'class-validator';
import { Flag, whole } from '../variables';

/** The capabilities that containers get only if the operator says so: common images use them to give up root at their start. */
const EXTRA_CAPABILITIES = ['DAC_OVERRIDE', 'SETGID', 'SETUID'] as const;

/** A list of words separated by commas. */
const Words = (): PropertyDecorator =>
  Transform(({ value }: { value: unknown }) =>
    typeof value === 'string'
      ? value
          .split(',')
          .map((word) => word.trim())
          .filter(Boolean)
      : value,
  );

/** What containers may do and reach. */
export class IsolationConfig {
  /** Capabilities that containers get beyond those that all have. */
  @Words()
  @IsIn(EXTRA_CAPABILITIES, { each: true, message: `CONTAINER_CAPABILITIES must list some of: ${EXTRA_CAPABILITIES.join(', ')}` })
  readonly CONTAINER_CAPABILITIES: readonly (typeof EXTRA_CAPABILITIES)[number][] = [];

  /** How many files a process may have open, 0: what the engine gives. An engine gives no more than it may have itself. */
  @whole(0, 1_048_576)
  readonly CONTAINER_OPEN_FILES: number = 16_384;

  /** May containers reach what is outside of their owner's network? Without it no ports can be published. */
  @Flag()
  @IsBoolean()
  readonly CONTAINER_OUTGOING_TRAFFIC: boolean = true;

  /** The addresses that every engine cuts the networks of owners from. They must not be in use around any node. */
  @Matches(/^((25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(25[0-5]|2[0-4]\d|1?\d?\d)\/([89]|1\d|2[0-4])$/, {
    message: 'OWNER_NETWORK_POOL must be an IPv4 range of /8 to /24, such as 198.18.0.0/15',
  })
  readonly OWNER_NETWORK_POOL: string = '198.18.0.0/15';

  /** The prefix length of each owner's network: 24 has room for 253 containers. */
  @whole(16, 29)
  readonly OWNER_NETWORK_PREFIX: number = 24;
}
