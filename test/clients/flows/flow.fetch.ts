/** The way of a deployment through the client that openapi-generator makes for TypeScript with fetch. */
import {
  ChangeResult,
  Configuration,
  DeploymentsApi,
  DeploymentStatus,
  DeploymentType,
  EventsApi,
  NodesApi,
  OperationsApi,
  ProblemCode,
  ProblemDtoFromJSON,
  ResponseError,
  WaitCondition,
} from './client';

const configuration = new Configuration({ basePath: process.env.FOG_URL, accessToken: process.env.FOG_TOKEN });
const deployments = new DeploymentsApi(configuration);
const operations = new OperationsApi(configuration);

function expect(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

async function untilRunning(deploymentId: string): Promise<void> {
  const waited = await deployments.deploymentsWait({ deploymentId, _for: WaitCondition.WAIT_CONDITION_RUNNING, timeout: 50 });
  expect(waited.deploymentId === deploymentId, 'it is waited for');
  expect(waited.reached && waited.status === DeploymentStatus.DEPLOYMENT_STATUS_RUNNING, 'it runs');
}

async function main(): Promise<void> {
  const spec = {
    name: 'client-fetch',
    type: DeploymentType.DEPLOYMENT_TYPE_COMPUTE,
    containerImage: 'nginx:1.27',
    resources: { cpu: 0.5, memory: 512 },
  };
  expect((await deployments.deploymentsPreviewDeploy({ deployRequestDto: spec })).schedulable, 'it has a place');
  const accepted = await deployments.deploymentsDeploy({ deployRequestDto: spec, idempotencyKey: 'client-fetch' });
  const { deploymentId } = accepted;
  expect(accepted.status === DeploymentStatus.DEPLOYMENT_STATUS_PENDING, 'it is pending');
  const refused: unknown = await deployments.deploymentsDeploy({ deployRequestDto: spec }).catch((error: unknown) => error);
  if (!(refused instanceof ResponseError)) throw new Error('the second one is not refused');
  const problem = ProblemDtoFromJSON(await refused.response.json());
  expect(problem.code === ProblemCode.PROBLEM_CODE_ALREADY_EXISTS, 'the refusal is a problem with a code');
  await untilRunning(deploymentId);

  const scaled = await deployments.deploymentsScale({ deploymentId, scaleRequestDto: { replicas: 3 } });
  expect(scaled.replicas === 3, 'three replicas are wanted');
  const changed = await deployments.deploymentsChange({ deploymentId, deploymentChangeDto: { labels: { team: 'edge' } } });
  expect(changed.result === ChangeResult.CHANGE_RESULT_UPDATED, 'only the labels have changed');
  expect((await deployments.deploymentsStatus({ deploymentId })).targetReplicas === 3, 'the change leaves the replicas as they are');
  const listed = await deployments.deploymentsList({ name: 'client-fetch' });
  expect(listed.length === 1 && listed[0]?.id === deploymentId, 'it is listed');
  await deployments.deploymentsDetail({ deploymentId });

  await deployments.deploymentsPreviewDeletion({ deploymentId });
  expect((await deployments.deploymentsDelete({ deploymentId })).resourcesReleased, 'all is released');
  await deployments.deploymentsDeletion({ deploymentId });
  expect((await deployments.deploymentsPreviewRestore({ deploymentId, restoreRequestDto: {} })).possible, 'a restore is possible');
  await deployments.deploymentsRestore({ deploymentId, restoreRequestDto: {} });
  await untilRunning(deploymentId);

  const bulk = { ids: [deploymentId] };
  await operations.deploymentsBulkPreviewDelete({ bulkDeleteRequestDto: bulk });
  const operation = await operations.deploymentsBulkDelete({ bulkDeleteRequestDto: bulk });
  expect(operation.deleted === 1, 'one is deleted');
  const undone = await operations.deploymentsBulkRestore({ bulkRestoreRequestDto: { operationId: operation.operationId } });
  expect(undone.restored === 1, 'one is restored');
  await deployments.deploymentsHistory({ deploymentId });
  await new NodesApi(configuration).nodesList();
  const { events } = await new EventsApi(configuration).eventsRead({ deploymentId });
  expect(events[0]?.data.deploymentId === deploymentId, 'events tell of it');
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
