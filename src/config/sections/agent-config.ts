import { Transform } from 'class-transformer';
import { IsBoolean, IsOptional, IsString } from 'class-validator';
import { Flag, IsUrlOf, whole } from '../variables';

/** What a process with ROLE=agent needs: where its control plane is, and how it gets there. */
export class AgentConfig {
  /** The address of the control plane, with the path prefix of a proxy, if it has one. */
  @IsOptional()
  @Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? value.replace(/\/+$/, '') : value))
  @IsUrlOf(['http', 'https'], { message: 'SERVER_URL must be the address of the control plane, such as https://fog.example.org' })
  readonly SERVER_URL?: string;

  /** What the registration of the node has answered, good for one join. Not needed once the agent has joined. */
  @IsOptional()
  @IsString()
  readonly JOIN_TOKEN?: string;

  /** SERVER_URL may begin with http and lead to another machine: for networks that are encrypted by other means. */
  @Flag()
  @IsBoolean()
  readonly SERVER_PLAIN_HTTP: boolean = false;

  /** The agent replaces its key after so many days. */
  @whole(1, 3_650)
  readonly AGENT_KEY_DAYS: number = 30;

  /** The HTTP proxy through which the agent reaches its control plane: `http://[user:password@]host:port`. */
  @IsOptional()
  @IsString()
  readonly HTTPS_PROXY?: string;

  /** Comma-separated names that the agent reaches without the proxy; `.example.org`: all under it; `*`: all. */
  @IsString()
  readonly NO_PROXY: string = '';
}
