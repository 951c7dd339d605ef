import { applyDecorators, type Type } from '@nestjs/common';
import { ApiAcceptedResponse, ApiBearerAuth, ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiTags } from '@nestjs/swagger';
import { RefuseExtras } from '../common/http/refuse-extras.decorator';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { ProblemCode } from '../common/problem/catalog';

/** Documents what all routes about notifications may answer. */
export const NotificationRoutes = (): ClassDecorator =>
  applyDecorators(
    ApiProblem('unauthenticated', 'inactive_user', 'rate_limited', 'internal', 'try_again'),
    ApiBearerAuth(),
    ApiTags('notifications'),
  );

/*
 * What the same route of every channel takes, answers and refuses. Address, presenter and words stay with the route.
 * The lists are in the order in which decorators over a method take effect, which is from below.
 */

/** Makes a subscription. `more`: what this channel refuses besides. */
export const Creates = (type: Type, ...more: ProblemCode[]): MethodDecorator =>
  applyDecorators(
    ApiProblem('malformed_json', 'read_only_token', 'conflict', ...more, 'validation_failed'),
    ApiCreatedResponse({ type }),
    RefuseExtras('query'),
  );

/** Reads one subscription, or something of it. */
export const Finds = (type: Type): MethodDecorator => applyDecorators(ApiProblem('invalid_request', 'not_found'), ApiOkResponse({ type }));

/** Changes a subscription; what is absent stays. */
export const Changes = (type: Type): MethodDecorator =>
  applyDecorators(
    ApiProblem('malformed_json', 'invalid_request', 'read_only_token', 'not_found', 'validation_failed'),
    ApiOkResponse({ type }),
    RefuseExtras('query'),
  );

/** Removes a subscription with its log. */
export const Removes = (): MethodDecorator =>
  applyDecorators(ApiProblem('invalid_request', 'read_only_token', 'not_found'), ApiNoContentResponse(), RefuseExtras('body', 'query'));

/** Sends a test to one subscription. `more`: what this channel refuses besides. */
export const SendsTest = (...more: ProblemCode[]): MethodDecorator =>
  applyDecorators(
    ApiProblem('invalid_request', 'read_only_token', 'not_found', 'conflict', ...more),
    ApiAcceptedResponse({ description: 'It is on its way.' }),
    RefuseExtras('body', 'query'),
  );
