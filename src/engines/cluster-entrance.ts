/**
 * The name of what a cluster has so that a deployment is reached there. Two nodes may be two parts of one cluster, so the node is
 * part of it. It is a label of DNS (RFC 1035).
 */
export const entranceName = (deploymentId: string, nodeId: string): string => `fog-${deploymentId}-${nodeId.slice(0, 8)}`;

/** Where the Pods of the cluster reach a port of the deployment. */
export const entranceAddress = (place: {
  readonly deploymentId: string;
  readonly nodeId: string;
  readonly namespace: string;
  readonly port: number;
}): string => `${entranceName(place.deploymentId, place.nodeId)}.${place.namespace}.svc:${place.port}`;
