import { DomainError, type FieldFault } from '../../common/problem/domain-error';
import { DEFAULT_ROLLOUT_POLICY, type RolloutPolicy } from '../domain/rollout';
import type { RolloutPolicyDto } from '../dto/rollout-policy.dto';

/** The policy that a body asks for. Throws `validation_failed` for one by which a rollout could never make a step. */
export function readPolicy(body: RolloutPolicyDto | undefined): RolloutPolicy {
  if (!body) return DEFAULT_ROLLOUT_POLICY;
  const faults = policyFaults(body);
  if (faults[0]) throw new DomainError('validation_failed', faults[0].detail, { errors: faults });
  return {
    maxSurge: body.max_surge,
    maxUnavailable: body.max_unavailable,
    minHealthySeconds: body.min_healthy_seconds,
    progressDeadlineSeconds: body.progress_deadline_seconds,
    onFailure: body.on_failure,
  };
}

export const showPolicy = (policy: RolloutPolicy): RolloutPolicyDto => ({
  max_surge: policy.maxSurge,
  max_unavailable: policy.maxUnavailable,
  min_healthy_seconds: policy.minHealthySeconds,
  progress_deadline_seconds: policy.progressDeadlineSeconds,
  on_failure: policy.onFailure,
});

function policyFaults(body: RolloutPolicyDto): FieldFault[] {
  const stands = body.max_surge === 0 && body.max_unavailable === 0;
  const tooShort = body.progress_deadline_seconds <= body.min_healthy_seconds;
  return [
    ...(stands ? [{ pointer: '/rollout/max_surge', detail: 'max_surge and max_unavailable must not both be 0' }] : []),
    ...(tooShort
      ? [{ pointer: '/rollout/progress_deadline_seconds', detail: 'progress_deadline_seconds must be more than min_healthy_seconds' }]
      : []),
  ];
}
