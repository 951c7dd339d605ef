"""The way of a deployment through the client that openapi-python-client makes."""

import os
from uuid import UUID

from fog_compute_client import AuthenticatedClient
from fog_compute_client.api.deployments import (
    deployments_change,
    deployments_delete,
    deployments_deletion,
    deployments_deploy,
    deployments_detail,
    deployments_history,
    deployments_list,
    deployments_preview_deletion,
    deployments_preview_deploy,
    deployments_preview_restore,
    deployments_restore,
    deployments_scale,
    deployments_status,
    deployments_wait,
)
from fog_compute_client.api.events import events_read
from fog_compute_client.api.nodes import nodes_list
from fog_compute_client.api.operations import deployments_bulk_delete, deployments_bulk_preview_delete, deployments_bulk_restore
from fog_compute_client.models import (
    BulkDeleteRequestDto,
    BulkRestoreRequestDto,
    ChangeResult,
    DeploymentChangeDto,
    DeploymentChangeDtoLabels,
    DeploymentStatus,
    DeploymentType,
    DeployRequestDto,
    ProblemCode,
    ProblemDto,
    ResourcesRequestDto,
    RestoreRequestDto,
    ScaleRequestDto,
    WaitCondition,
)

client = AuthenticatedClient(base_url=os.environ["FOG_URL"], token=os.environ["FOG_TOKEN"], timeout=60)


def done(answer):
    """The answer, which may not be a problem."""
    assert answer is not None and not isinstance(answer, ProblemDto), answer
    return answer


def until_running(deployment_id: UUID) -> None:
    waited = done(deployments_wait.sync(deployment_id, client=client, for_=WaitCondition.WAIT_CONDITION_RUNNING, timeout=50))
    assert waited.deployment_id == deployment_id
    assert waited.reached and waited.status is DeploymentStatus.DEPLOYMENT_STATUS_RUNNING, waited


spec = DeployRequestDto(
    name="client-python",
    type_=DeploymentType.DEPLOYMENT_TYPE_COMPUTE,
    container_image="nginx:1.27",
    resources=ResourcesRequestDto(cpu=0.5, memory=512),
)
assert done(deployments_preview_deploy.sync(client=client, body=spec)).schedulable
accepted = done(deployments_deploy.sync(client=client, body=spec, idempotency_key="client-python"))
assert accepted.status is DeploymentStatus.DEPLOYMENT_STATUS_PENDING
an_id = accepted.deployment_id
refused = deployments_deploy.sync(client=client, body=spec)
assert isinstance(refused, ProblemDto) and refused.code is ProblemCode.PROBLEM_CODE_ALREADY_EXISTS
until_running(an_id)

assert done(deployments_scale.sync(an_id, client=client, body=ScaleRequestDto(replicas=3))).replicas == 3
labels = DeploymentChangeDtoLabels.from_dict({"team": "edge"})
changed = done(deployments_change.sync(an_id, client=client, body=DeploymentChangeDto(labels=labels)))
assert changed.result is ChangeResult.CHANGE_RESULT_UPDATED
assert done(deployments_status.sync(an_id, client=client)).target_replicas == 3
assert [item.id for item in done(deployments_list.sync(client=client, name="client-python"))] == [an_id]
done(deployments_detail.sync(an_id, client=client))

done(deployments_preview_deletion.sync(an_id, client=client))
assert done(deployments_delete.sync(an_id, client=client)).resources_released
done(deployments_deletion.sync(an_id, client=client))
assert done(deployments_preview_restore.sync(an_id, client=client, body=RestoreRequestDto())).possible
done(deployments_restore.sync(an_id, client=client, body=RestoreRequestDto()))
until_running(an_id)

bulk = BulkDeleteRequestDto(ids=[an_id])
done(deployments_bulk_preview_delete.sync(client=client, body=bulk))
operation = done(deployments_bulk_delete.sync(client=client, body=bulk))
assert operation.deleted == 1
undone = done(deployments_bulk_restore.sync(client=client, body=BulkRestoreRequestDto(operation_id=operation.operation_id)))
assert undone.restored == 1
done(deployments_history.sync(an_id, client=client))
done(nodes_list.sync(client=client))
assert done(events_read.sync(client=client, deployment_id=an_id)).events[0].data.deployment_id == an_id
