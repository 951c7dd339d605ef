import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { loadConfig } from '../../src/config/app-config';
import { createApp } from '../../src/create-app';
import { TEST_ENV, type TestApp } from './test-app';

/** Another process on the database of an application, listening. Close it first. */
export async function secondApp(
  { databaseUrl }: Pick<TestApp, 'databaseUrl'>,
  env: Record<string, string>,
): Promise<NestFastifyApplication> {
  const app = await createApp(loadConfig({ ...TEST_ENV, DATABASE_URL: databaseUrl, ...env }));
  await app.listen(0, '127.0.0.1');
  return app;
}
