import type { JwtClaims } from './jwt-format';

/** Entra ID sends so many, and beyond it only a hint that there are more. */
const MOST_GROUPS = 200;
const MOST_CHARACTERS = 255;

/** The groups that a token names, sorted; or why they cannot be known, in words. */
export type TokenGroups = { readonly groups: readonly string[] } | { readonly unknown: string };

/**
 * Reads the claim with this name, or at this path of names with dots, some of which may have dots themselves (Keycloak puts the roles
 * of a client under its id): a list of names, or one. A token without it, or with nothing in it, names none. Too many
 * groups, or a hint in place of them, are no groups: what cannot be known gives no rights.
 */
export function groupsOf(claims: JwtClaims, name: string): TokenGroups {
  const value = valueAt(claims, name) ?? undefined;
  if (value === undefined || value === '') return hasOverage(claims, name) ? { unknown: OVERAGE } : { groups: [] };
  const listed: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (!listed.every((each) => typeof each === 'string' && each !== '' && each.length <= MOST_CHARACTERS))
    return { unknown: `the claim ${name} is no list of names` };
  if (listed.length > MOST_GROUPS) return { unknown: `the token names ${listed.length} groups, and at most ${MOST_GROUPS} are read` };
  return { groups: [...new Set(listed as readonly string[])].sort() };
}

const OVERAGE =
  'the identity provider sends a hint in place of the groups, as there are too many: have it send only those that matter here';

/** The member of this name; else, where the name has dots, what is found at the rest of it in a member of its beginning. */
function valueAt(value: unknown, name: string): unknown {
  const whole = memberOf(value, name);
  if (whole !== undefined) return whole;
  for (let dot = name.lastIndexOf('.'); dot > 0; dot = name.lastIndexOf('.', dot - 1)) {
    const found = valueAt(memberOf(value, name.slice(0, dot)), name.slice(dot + 1));
    if (found !== undefined) return found;
  }
  return undefined;
}

const memberOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined;

/** `_claim_names` (OpenID Connect, 5.6.2) names claims that are elsewhere; Entra ID has `hasgroups` in some tokens instead. */
const hasOverage = (claims: JwtClaims, name: string): boolean =>
  memberOf(claims._claim_names, name) !== undefined || (name === 'groups' && claims.hasgroups === true);
