import type { Answer } from '../common/http/answer';
import type { CreatedApiToken } from './api-tokens.service';
import { CreatedApiTokenDto } from './dto/api-token.dto';
import { TokenPairDto } from './dto/login.dto';
import { UserDto } from './dto/user.dto';
import type { UserRecord } from './identity';
import type { TokenPair } from './sessions.service';

/** An account that was made. */
export const registeredAnswer = (user: UserRecord): Answer => ({ status: 201, body: UserDto.from(user) });

/** An account as it is after a change. */
export const userAnswer = (user: UserRecord): Answer => ({ status: 200, body: UserDto.from(user) });

/** The tokens of a log-in or a refresh. */
export const tokenPairAnswer = (pair: TokenPair): Answer => ({ status: 200, body: TokenPairDto.of(pair) });

/** An API token that was made: the only answer that shows the token itself. */
export const createdApiTokenAnswer = ({ record, token }: CreatedApiToken): Answer => ({
  status: 201,
  body: CreatedApiTokenDto.of(record, token),
});
