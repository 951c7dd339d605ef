// The way of a deployment through the client that openapi-generator makes for Go.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	fog "fog"
)

func must(err error, what string) {
	if err == nil {
		return
	}
	var problem *fog.GenericOpenAPIError
	if errors.As(err, &problem) {
		fmt.Fprintf(os.Stderr, "%s: %v: %s\n", what, err, problem.Body())
	} else {
		fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
	}
	os.Exit(1)
}

func expect(holds bool, what string) {
	if !holds {
		must(errors.New("does not hold"), what)
	}
}

func main() {
	configuration := fog.NewConfiguration()
	configuration.Servers = fog.ServerConfigurations{{URL: os.Getenv("FOG_URL")}}
	api := fog.NewAPIClient(configuration)
	ctx := context.WithValue(context.Background(), fog.ContextAccessToken, os.Getenv("FOG_TOKEN"))

	spec := *fog.NewDeployRequestDto("nginx:1.27", *fog.NewResourcesRequestDto(0.5, 512), "client-go", fog.DEPLOYMENT_TYPE_COMPUTE)
	preview, _, err := api.DeploymentsAPI.DeploymentsPreviewDeploy(ctx).DeployRequestDto(spec).Execute()
	must(err, "preview of the deploy")
	expect(preview.Schedulable, "it has a place")

	accepted, _, err := api.DeploymentsAPI.DeploymentsDeploy(ctx).DeployRequestDto(spec).IdempotencyKey("client-go").Execute()
	must(err, "deploy")
	id := accepted.DeploymentId
	expect(accepted.Status == fog.DEPLOYMENT_STATUS_PENDING, "it is pending")

	_, _, err = api.DeploymentsAPI.DeploymentsDeploy(ctx).DeployRequestDto(spec).Execute()
	var refused *fog.GenericOpenAPIError
	expect(errors.As(err, &refused), "the second one is refused")
	problem, isProblem := refused.Model().(fog.ProblemDto)
	expect(isProblem && problem.Code == fog.PROBLEM_CODE_ALREADY_EXISTS, "the refusal is a problem with a code")

	running := func() {
		waited, _, err := api.DeploymentsAPI.DeploymentsWait(ctx, id).For_(fog.WAIT_CONDITION_RUNNING).Timeout(50).Execute()
		must(err, "wait")
		expect(waited.DeploymentId == id, "it is waited for")
		expect(waited.Reached && waited.Status == fog.DEPLOYMENT_STATUS_RUNNING, "it runs")
	}
	running()

	scaled, _, err := api.DeploymentsAPI.DeploymentsScale(ctx, id).ScaleRequestDto(*fog.NewScaleRequestDto(3)).Execute()
	must(err, "scale")
	expect(scaled.Replicas == 3, "three replicas are wanted")
	patch := *fog.NewDeploymentChangeDto()
	patch.SetLabels(map[string]*string{"team": fog.PtrString("edge")})
	changed, _, err := api.DeploymentsAPI.DeploymentsChange(ctx, id).DeploymentChangeDto(patch).Execute()
	must(err, "change")
	expect(changed.Result == fog.CHANGE_RESULT_UPDATED, "only the labels have changed")
	after, _, err := api.DeploymentsAPI.DeploymentsStatus(ctx, id).Execute()
	must(err, "status")
	expect(after.TargetReplicas == 3, "the change leaves the replicas as they are")
	listed, _, err := api.DeploymentsAPI.DeploymentsList(ctx).Name("client-go").Execute()
	must(err, "list")
	expect(len(listed) == 1 && listed[0].Id == id, "it is listed")
	_, _, err = api.DeploymentsAPI.DeploymentsDetail(ctx, id).Execute()
	must(err, "detail")

	_, _, err = api.DeploymentsAPI.DeploymentsPreviewDeletion(ctx, id).Execute()
	must(err, "preview of the delete")
	deleted, _, err := api.DeploymentsAPI.DeploymentsDelete(ctx, id).Execute()
	must(err, "delete")
	expect(deleted.ResourcesReleased, "all is released")
	_, _, err = api.DeploymentsAPI.DeploymentsDeletion(ctx, id).Execute()
	must(err, "ledger")

	possible, _, err := api.DeploymentsAPI.DeploymentsPreviewRestore(ctx, id).RestoreRequestDto(*fog.NewRestoreRequestDto()).Execute()
	must(err, "preview of the restore")
	expect(possible.Possible, "a restore is possible")
	_, _, err = api.DeploymentsAPI.DeploymentsRestore(ctx, id).RestoreRequestDto(*fog.NewRestoreRequestDto()).Execute()
	must(err, "restore")
	running()

	bulk := *fog.NewBulkDeleteRequestDto()
	bulk.SetIds([]string{id})
	_, _, err = api.OperationsAPI.DeploymentsBulkPreviewDelete(ctx).BulkDeleteRequestDto(bulk).Execute()
	must(err, "preview of the bulk delete")
	operation, _, err := api.OperationsAPI.DeploymentsBulkDelete(ctx).BulkDeleteRequestDto(bulk).Execute()
	must(err, "bulk delete")
	expect(operation.Deleted == 1, "one is deleted")
	undo := *fog.NewBulkRestoreRequestDto()
	undo.SetOperationId(operation.OperationId)
	undone, _, err := api.OperationsAPI.DeploymentsBulkRestore(ctx).BulkRestoreRequestDto(undo).Execute()
	must(err, "bulk restore")
	expect(undone.Restored == 1, "one is restored")
	_, _, err = api.DeploymentsAPI.DeploymentsHistory(ctx, id).Execute()
	must(err, "history")
	_, _, err = api.NodesAPI.NodesList(ctx).Execute()
	must(err, "nodes")
	page, _, err := api.EventsAPI.EventsRead(ctx).DeploymentId(id).Execute()
	must(err, "events")
	expect(len(page.Events) > 0 && page.Events[0].Data.GetDeploymentId() == id, "events tell of it")
}
