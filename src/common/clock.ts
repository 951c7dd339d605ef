import { Injectable } from '@nestjs/common';

/** Time for decisions taken in TypeScript; anything compared in SQL uses the database's own clock. */
@Injectable()
export class Clock {
  now(): Date {
    return new Date();
  }
}
