import { getMetadataStorage } from 'class-validator';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppConfig, loadConfig } from './app-config';

const lines = readFileSync(join(__dirname, '../../.env.example'), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'));
const example = Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));

describe('.env.example', () => {
  it('has one line for every variable that the program reads, and no other', () => {
    const fields = getMetadataStorage()
      .getTargetValidationMetadatas(AppConfig, '', false, false)
      .map(({ propertyName }) => propertyName);
    expect(Object.keys(example).sort()).toEqual([...new Set(fields)].sort());
  });

  it('shows the defaults', () => {
    expect(loadConfig(example)).toEqual(loadConfig({}));
  });
});
