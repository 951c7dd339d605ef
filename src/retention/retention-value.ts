import { DomainError } from '../common/problem/domain-error';
import { DEPLOYMENT_TYPES } from '../deployments/spec/deployment-spec';
import { isUuid } from '../common/uuid';
import { LABEL_NAME } from '../deployments/dto/deploy-request.dto';
import type { RetentionPolicy, RetentionSelector } from './retention-policy';

const MAX_LABEL_VALUE = 256;

/** The policy in the form that is stored. Throws `validation_failed` for a value that no deployment can have. */
export function readPolicy({ selector, value, days }: { selector: RetentionSelector; value: string; days: number }): RetentionPolicy {
  const words = fault(selector, value);
  if (words === null) return { selector, value: selector === 'user' ? value.toLowerCase() : value, days };
  const detail = `value must ${words}`;
  throw new DomainError('validation_failed', `${detail}.`, { errors: [{ pointer: '/value', detail }] });
}

/** The id of a policy in the form that is stored. Throws `not_found` for a text that is no id. */
export function readPolicyId(id: string): string {
  if (!isUuid(id)) throw policyNotFound(id);
  return id.toLowerCase();
}

/** The refusal for a policy that does not exist. */
export const policyNotFound = (id: string): DomainError => new DomainError('not_found', `Retention policy ${id} not found`);

function fault(selector: RetentionSelector, value: string): string | null {
  switch (selector) {
    case 'label': {
      const [key = '', ...rest] = value.split('=');
      const fits = rest.length > 0 && LABEL_NAME.test(key) && Array.from(rest.join('=')).length <= MAX_LABEL_VALUE;
      return fits ? null : 'be a label as key=value';
    }
    case 'type':
      return DEPLOYMENT_TYPES.some((type) => type === value) ? null : `be one of: ${DEPLOYMENT_TYPES.join(', ')}`;
    case 'user':
      return null;
  }
}
