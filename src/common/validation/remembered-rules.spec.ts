import { getMetadataStorage, IsInt, IsString, Max, validateSync } from 'class-validator';
import { rememberRules } from './remembered-rules';

type Storage = ReturnType<typeof getMetadataStorage>;

class Base {
  @IsInt()
  @Max(9)
  size!: number;
}

class Child extends Base {
  @IsString()
  name!: string;
}

const made = <T extends object>(type: new () => T, members: object): T => Object.assign(new type(), members);
const brokenBy = (value: object): string[] => validateSync(value).flatMap(({ constraints = {} }) => Object.keys(constraints));

describe('rememberRules', () => {
  beforeAll(() => rememberRules());

  it('checks every object of a class by all of its rules, inherited ones too', () => {
    for (let look = 0; look < 3; look++) {
      expect(brokenBy(made(Base, { size: 3 }))).toEqual([]);
      expect(brokenBy(made(Base, { size: 'three' }))).toEqual(['max', 'isInt']);
      expect(brokenBy(made(Child, { size: 10, name: 7 }))).toEqual(['isString', 'max']);
    }
  });

  it('looks for the rules of a class once, and for those of groups each time', () => {
    const find = jest.fn((type: unknown) => [type]);
    const group = jest.fn((rules: readonly unknown[]) => ({ rules }));
    const storage = { getTargetValidationMetadatas: find, groupByPropertyName: group } as unknown as Storage;
    rememberRules(storage);
    const rulesOf = (type: object, groups?: string[]): unknown =>
      storage.getTargetValidationMetadatas(type as () => void, '', false, false, groups);

    expect([rulesOf(Base), rulesOf(Base), rulesOf(Child), rulesOf(Base)]).toEqual([[Base], [Base], [Child], [Base]]);
    expect(find).toHaveBeenCalledTimes(2);
    rulesOf(Base, ['some']);
    rulesOf(Base, ['other']);
    expect(find).toHaveBeenCalledTimes(4);

    const rules = rulesOf(Base) as Parameters<Storage['groupByPropertyName']>[0];
    expect(storage.groupByPropertyName(rules)).toBe(storage.groupByPropertyName(rules));
    expect(group).toHaveBeenCalledTimes(1);
  });
});
