import { getMetadataStorage } from 'class-validator';

type Storage = ReturnType<typeof getMetadataStorage>;
type Find = Storage['getTargetValidationMetadatas'];
type Group = Storage['groupByPropertyName'];
type Rules = ReturnType<Find>;

/**
 * For each object class-validator looks for the rules of its class among those of all classes, which is a third of what the check of a
 * deploy costs. The rules of a class stay what its decorators have said when it was defined, so here they are looked for once. Rules for
 * groups, which no class here has, are looked for each time.
 */
export function rememberRules(storage: Storage = getMetadataStorage()): void {
  const find: Find = storage.getTargetValidationMetadatas.bind(storage);
  const group: Group = storage.groupByPropertyName.bind(storage);
  const rulesOf = new Map<unknown, Rules>();
  const groupsOf = new WeakMap<Rules, ReturnType<Group>>();

  storage.getTargetValidationMetadatas = (target, schema, always, strictGroups, groups) => {
    if (typeof target !== 'function' || always || strictGroups || groups !== undefined)
      return find(target, schema, always, strictGroups, groups);
    const known = rulesOf.get(target) ?? find(target, schema, always, strictGroups, groups);
    rulesOf.set(target, known);
    return known;
  };
  storage.groupByPropertyName = (rules) => {
    const known = groupsOf.get(rules) ?? group(rules);
    groupsOf.set(rules, known);
    return known;
  };
}
