import { Injectable } from '@nestjs/common';

/** The time for decisions that are taken in TypeScript. What SQL compares uses the clock of the database. */
@Injectable()
export class Clock {
  now(): Date {
    return new Date();
  }
}
