import { Injectable } from '@nestjs/common';
import { Logger } from 'nestjs-pino';

/** What Nest says while it puts modules and routes together: of use to those who look for a fault, noise to all others. */
const WIRING = new Set(['NestFactory', 'InstanceLoader', 'RoutesResolver', 'RouterExplorer', 'NestApplication']);

/** The logger that Nest itself uses. */
@Injectable()
export class QuietLogger extends Logger {
  override log(message: unknown, ...rest: unknown[]): void {
    const context = rest.at(-1);
    if (typeof context === 'string' && WIRING.has(context)) this.debug(message, ...rest);
    else super.log(message, ...rest);
  }
}
