import { endedLately, mostSecondsUp } from './uptime';

describe('mostSecondsUp', () => {
  it.each([
    ['Up Less than a second', 2],
    ['Up 1 second', 2],
    ['Up 5 seconds', 6],
    ['Up 59 seconds (health: starting)', 60],
    ['Up About a minute (Paused)', 120],
    ['Up 12 minutes (unhealthy)', 780],
    ['Up About an hour', 7_200],
    ['Up 47 hours', 172_800],
    ['Up 13 days', 1_209_600],
    ['Up 3 weeks', null],
    ['Exited (1) 3 seconds ago', null],
    ['Restarting (1) 2 seconds ago', null],
    ['Created', null],
    ['', null],
  ])('reads %j', (status, seconds) => {
    expect(mostSecondsUp(status)).toBe(seconds);
  });
});

describe('endedLately', () => {
  it.each([
    ['Exited (137) Less than a second ago', true],
    ['Exited (0) Less than a second ago', true],
    ['Exited (137) 1 second ago', false],
    ['Exited (137) 11 seconds ago', false],
    ['Exited (137) About a minute ago', false],
    ['Up 1 second', false],
    ['', false],
  ])('reads %j', (status, expected) => {
    expect(endedLately(status)).toBe(expected);
  });
});
