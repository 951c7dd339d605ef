import type { INestApplication } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { ProblemDto } from '../common/problem/problem.dto';
import { VERSION } from '../common/version';
import { AppConfig } from '../config/app-config';
import { closeRequests } from './close-requests';
import { completeDocument } from './complete-document';
import { stateLimits } from './configured-limits';
import { declareHeaders } from './headers';
import { toJsonSchema } from './json-schema';
import { markRoutes } from './mark-routes';
import { nameEnums } from './name-enums';
import { operationId } from './operation-ids';
import { showExamples } from './request-examples';
import { shareParts } from './share-parts';

const DESCRIPTION = `Deploy containers to fog and edge nodes, watch them, scale them, delete them safely, and take a delete back.

A first walk, with the examples as they stand:
1. Take the administrator: the program printed its name and the file with its password when it first started. \`POST /api/users\` adds more users, and
   \`POST /api/auth/register\` does where registration is open.
2. \`POST /api/auth/login\`, then press **Authorize** and paste the \`access_token\`.
3. \`POST /api/deployment/deploy\` answers at once; copy the \`deployment_id\`.
4. \`GET /api/deployment/status/{deployment_id}\` shows the containers starting and running.
5. \`POST /api/deployment/scale/{deployment_id}\` changes the number of replicas.
6. \`DELETE /api/deployment/{deployment_id}\` stops every container and says when all is released. \`GET /api/deployment/{deployment_id}/deletion-preview\` says before what it would do.
7. \`POST /api/deployment/{deployment_id}/restore\` brings it back.

Errors are problem documents (RFC 9457, \`application/problem+json\`) with a stable \`code\`. Every answer carries \`X-Request-Id\`; send
your own to find a request in the log. Send \`Idempotency-Key\` with whatever changes something, to repeat it safely.`;

const TAGS: readonly (readonly [string, string])[] = [
  ['auth', 'Users, sessions and API tokens'],
  ['deployments', 'Deploy, watch, scale and delete'],
  ['projects', 'Who owns deployments together, with which role'],
  ['nodes', 'The machines that containers run on'],
  ['events', 'What happened, in order'],
  ['notifications', 'Webhooks and e-mails'],
  ['operations', 'Bulk deletes and restores, and how far they are'],
  ['admin', 'What only administrators may ask'],
  ['health', 'Health and metrics'],
];

/** The OpenAPI document of the running application. */
function openApiDocument(app: INestApplication, publicUrl: string | undefined): OpenAPIObject {
  markRoutes(app);
  const builder = new DocumentBuilder()
    .setTitle('fog-compute')
    .setDescription(DESCRIPTION)
    .setVersion(VERSION)
    .addServer(publicUrl ?? '/', 'This server')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'The `access_token` of POST /api/auth/login, or an API token.' })
    .addSecurityRequirements('bearer');
  for (const [name, description] of TAGS) builder.addTag(name, description);
  const document = completeDocument(
    SwaggerModule.createDocument(app, builder.build(), { operationIdFactory: operationId, extraModels: [ProblemDto] }),
  );
  stateLimits(document, app.get(AppConfig));
  nameEnums(document);
  toJsonSchema(document);
  closeRequests(document);
  declareHeaders(document);
  showExamples(document);
  shareParts(document);
  return document;
}

/**
 * Serves Swagger UI at /docs, where / leads, and the document at /openapi.json, all public. Nothing is loaded from other servers. The
 * document is made into text once: SwaggerModule would do that for every request, and the route is public. Its server is the
 * public address, if there is one.
 */
export function serveDocs(app: NestFastifyApplication, publicUrl: string | undefined): void {
  let document: OpenAPIObject | undefined;
  let text: string | undefined;
  const theDocument = (): OpenAPIObject => (document ??= openApiDocument(app, publicUrl));
  app
    .getHttpAdapter()
    .getInstance()
    .get('/openapi.json', (_request, reply) =>
      reply.type('application/json; charset=utf-8').send((text ??= JSON.stringify(theDocument()))),
    );
  // Relative, so that it stays behind the prefix of a proxy.
  app
    .getHttpAdapter()
    .getInstance()
    .get('/', (_request, reply) => reply.redirect('docs', 302));
  SwaggerModule.setup('docs', app, theDocument, {
    useGlobalPrefix: false,
    raw: false,
    customSiteTitle: 'fog-compute API',
    swaggerOptions: {
      persistAuthorization: true,
      displayRequestDuration: true,
      tryItOutEnabled: true,
      defaultModelsExpandDepth: 0,
      validatorUrl: null,
    },
  });
}
