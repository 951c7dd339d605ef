import { Injectable } from '@nestjs/common';
import { Logger } from 'nestjs-pino';

/** Contexts of the messages that Nest logs while it sets up modules and routes. They only help to find faults. */
const WIRING = new Set(['NestFactory', 'InstanceLoader', 'RoutesResolver', 'RouterExplorer', 'NestApplication']);
/** The context of errors that end the start. */
const STARTING = 'ExceptionHandler';

/** The logger that Nest itself uses. */
@Injectable()
export class QuietLogger extends Logger {
  override log(message: unknown, ...rest: unknown[]): void {
    const context = rest.at(-1);
    if (typeof context === 'string' && WIRING.has(context)) this.debug(message, ...rest);
    else super.log(message, ...rest);
  }

  /** Errors of the start are thrown as well, and whoever catches them tells them in words. */
  override error(message: unknown, ...rest: unknown[]): void {
    if (rest.at(-1) === STARTING) this.debug(message, ...rest);
    else super.error(message, ...rest);
  }
}
