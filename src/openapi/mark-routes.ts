import type { INestApplication } from '@nestjs/common';
import { MetadataScanner, ModulesContainer } from '@nestjs/core';
import { ApiExtension } from '@nestjs/swagger';
import { MARK } from './complete-document';
import { routeFacts } from './route-facts';

/** Has Swagger put the facts of every route on its operation, from where completeDocument takes them. */
export function markRoutes(app: INestApplication): void {
  const scanner = new MetadataScanner();
  for (const module of app.get(ModulesContainer).values()) {
    for (const { metatype } of module.controllers.values()) {
      if (typeof metatype !== 'function') continue;
      const prototype = metatype.prototype as object;
      for (const name of scanner.getAllMethodNames(prototype)) mark(metatype, prototype, name);
    }
  }
}

function mark(controller: object, prototype: object, name: string): void {
  const descriptor = Object.getOwnPropertyDescriptor(prototype, name);
  const handler: unknown = descriptor?.value;
  if (!descriptor || typeof handler !== 'function') return;
  ApiExtension(MARK, routeFacts(controller, handler))(prototype, name, descriptor);
}
