import { applyDecorators, type Type } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiBearerAuth,
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiTags,
  type ApiResponseOptions,
} from '@nestjs/swagger';
import { RefuseExtras } from '../common/http/refuse-extras.decorator';
import { ApiProblem } from '../common/problem/api-problem.decorator';
import type { ProblemCode } from '../common/problem/catalog';

/** What all routes about notifications have in common. */
export const NotificationRoutes = (): ClassDecorator => applyDecorators(ApiBearerAuth(), ApiTags('notifications'));

/*
 * What the same route of every channel takes, answers and refuses. Address, presenter and words stay with the route.
 */

/** Makes a subscription. `more`: what this channel refuses besides. */
export const Creates = (type: Type, ...more: ProblemCode[]): MethodDecorator =>
  applyDecorators(ApiProblem('conflict', ...more), ApiCreatedResponse({ type }), RefuseExtras('query'));

/** Reads one subscription, or something of it. */
export const Finds = (type: Type, headers: ApiResponseOptions['headers'] = {}): MethodDecorator =>
  applyDecorators(ApiProblem('not_found'), ApiOkResponse({ type, headers }));

/** Changes a subscription; what is absent stays. */
export const Changes = (type: Type): MethodDecorator =>
  applyDecorators(ApiProblem('not_found'), ApiOkResponse({ type }), RefuseExtras('query'));

/** Removes a subscription with its log. */
export const Removes = (): MethodDecorator =>
  applyDecorators(ApiProblem('not_found'), ApiNoContentResponse(), RefuseExtras('body', 'query'));

/** Sends a test to one subscription. `more`: what this channel refuses besides. */
export const SendsTest = (...more: ProblemCode[]): MethodDecorator =>
  applyDecorators(
    ApiProblem('not_found', 'conflict', ...more),
    ApiAcceptedResponse({ description: 'It is on its way.' }),
    RefuseExtras('body', 'query'),
  );
