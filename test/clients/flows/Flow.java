import java.lang.reflect.InvocationTargetException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.openapitools.client.ApiClient;
import org.openapitools.client.ApiException;
import org.openapitools.client.api.*;
import org.openapitools.client.model.*;

/** The way of a deployment through the client that openapi-generator makes for Java. */
public final class Flow {
  private static final ApiClient CLIENT = new ApiClient();

  public static void main(String[] arguments) throws Exception {
    CLIENT.setBasePath(System.getenv("FOG_URL"));
    CLIENT.setBearerToken(System.getenv("FOG_TOKEN"));
    CLIENT.setReadTimeout(60_000);
    var deployments = new DeploymentsApi(CLIENT);
    var operations = new OperationsApi(CLIENT);

    var spec = new DeployRequestDto()
        .name("client-java")
        .type(DeploymentType.DEPLOYMENT_TYPE_COMPUTE)
        .containerImage("nginx:1.27")
        .resources(new ResourcesRequestDto().cpu(0.5).memory(512))
        .command(null);
    DryRunDto preview = call(deployments, "deploymentsPreviewDeploy", spec);
    expect(preview.getSchedulable(), "it has a place");
    DeploymentAcceptedDto accepted = call(deployments, "deploymentsDeploy", spec, "client-java");
    UUID id = accepted.getDeploymentId();
    expect(accepted.getStatus() == DeploymentStatus.DEPLOYMENT_STATUS_PENDING, "it is pending");
    try {
      call(deployments, "deploymentsDeploy", spec);
      expect(false, "the second one is refused");
    } catch (ApiException refused) {
      var problem = ProblemDto.fromJson(refused.getResponseBody());
      expect(problem.getCode() == ProblemCode.PROBLEM_CODE_ALREADY_EXISTS, "the refusal is a problem with a code");
    }
    untilRunning(deployments, id);

    DeploymentAcceptedDto scaled = call(deployments, "deploymentsScale", id, new ScaleRequestDto().replicas(3));
    expect(scaled.getReplicas() == 3, "three replicas are wanted");
    DeploymentChangedDto changed = call(deployments, "deploymentsChange", id, new DeploymentChangeDto().labels(Map.of("team", "edge")));
    expect(changed.getResult() == ChangeResult.CHANGE_RESULT_UPDATED, "only the labels have changed");
    DeploymentStatusDto after = call(deployments, "deploymentsStatus", id);
    expect(after.getTargetReplicas() == 3, "the change leaves the replicas as they are");
    List<DeploymentListItemDto> listed = call(deployments, "deploymentsList");
    expect(listed.stream().anyMatch(item -> item.getId().equals(id)), "it is listed");
    call(deployments, "deploymentsDetail", id);

    call(deployments, "deploymentsPreviewDeletion", id);
    DeletionAnswerDto deleted = call(deployments, "deploymentsDelete", id);
    expect(deleted.getResourcesReleased(), "all is released");
    call(deployments, "deploymentsDeletion", id);
    RestorePreviewDto possible = call(deployments, "deploymentsPreviewRestore", id);
    expect(possible.getPossible(), "a restore is possible");
    call(deployments, "deploymentsRestore", id);
    untilRunning(deployments, id);

    var bulk = new BulkDeleteRequestDto().ids(List.of(id));
    call(operations, "deploymentsBulkPreviewDelete", bulk);
    OperationDto operation = call(operations, "deploymentsBulkDelete", bulk);
    expect(operation.getDeleted() == 1, "one is deleted");
    OperationDto undone = call(operations, "deploymentsBulkRestore", new BulkRestoreRequestDto().ids(null).operationId(operation.getOperationId()));
    expect(undone.getRestored() == 1, "one is restored");
    call(deployments, "deploymentsHistory", id);
    call(new NodesApi(CLIENT), "nodesList");
    EventPageDto page = call(new EventsApi(CLIENT), "eventsRead");
    expect(!page.getEvents().isEmpty(), "events tell of it");
    CLIENT.getHttpClient().dispatcher().executorService().shutdown();
  }

  private static void untilRunning(DeploymentsApi deployments, UUID id) throws Exception {
    WaitedDto waited = call(deployments, "deploymentsWait", id, WaitCondition.WAIT_CONDITION_RUNNING, 50);
    expect(waited.getDeploymentId().equals(id), "it is waited for");
    expect(waited.getReached() && waited.getStatus() == DeploymentStatus.DEPLOYMENT_STATUS_RUNNING, "it runs");
  }

  /** Calls with null for every option that is left out: its methods take all of them, and more come with time. */
  @SuppressWarnings("unchecked")
  private static <T> T call(Object api, String name, Object... given) throws Exception {
    var method = Arrays.stream(api.getClass().getMethods()).filter(each -> each.getName().equals(name)).findFirst().orElseThrow();
    try {
      return (T) method.invoke(api, Arrays.copyOf(given, method.getParameterCount()));
    } catch (InvocationTargetException failed) {
      if (failed.getCause() instanceof ApiException cause) {
        System.err.println(name + ": " + cause.getCode() + " " + cause.getResponseBody());
        throw cause;
      }
      throw failed;
    }
  }

  private static void expect(Boolean holds, String what) {
    if (!holds) throw new AssertionError(what);
  }
}
