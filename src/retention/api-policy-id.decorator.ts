import { ApiParam } from '@nestjs/swagger';

/** Documents the id of a retention policy in the path. */
export const ApiPolicyId = (): MethodDecorator => ApiParam({ name: 'id', format: 'uuid' });
