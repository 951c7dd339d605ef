import type { INestApplication } from '@nestjs/common';
import { MetadataScanner, ModulesContainer } from '@nestjs/core';
import { ApiExtension } from '@nestjs/swagger';
import { IS_PUBLIC } from '../auth/public.decorator';
import { TAKES_KEY } from '../commands/command.metadata';
import { MARKS } from './complete-document';

/** Marks in the document which routes are public and which take an idempotency key, as the guard and the interceptor know it. */
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
  const says = (key: string): boolean => Reflect.getMetadata(key, handler) === true || Reflect.getMetadata(key, controller) === true;
  if (says(IS_PUBLIC)) ApiExtension(MARKS.public, true)(prototype, name, descriptor);
  if (says(TAKES_KEY)) ApiExtension(MARKS.idempotent, true)(prototype, name, descriptor);
}
