import { ApiParam } from '@nestjs/swagger';

/** For the document: the id of a deployment in the address. */
export const ApiDeploymentId = (): MethodDecorator =>
  ApiParam({ name: 'deployment_id', format: 'uuid', description: 'From the answer to POST /deploy' });
