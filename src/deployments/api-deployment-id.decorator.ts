import { ApiParam } from '@nestjs/swagger';

/** Documents the id of a deployment in the path. */
export const ApiDeploymentId = (): MethodDecorator =>
  ApiParam({ name: 'deployment_id', format: 'uuid', description: 'From the answer to POST /deploy' });
