import type { Answer } from '../common/http/answer';
import { NodeDto } from './dto/node.dto';
import type { RemovedNodeDto } from './dto/removed-node.dto';
import { JoinDto, RegisteredNodeDto } from './dto/join.dto';
import type { NodeRecord, OpenedJoin, RegisteredNode } from './node.types';
import type { RemovedNode } from './nodes.service';

/** Only administrators register and change nodes, so the answer may contain what others do not see. */
const toAdministrator = (node: NodeRecord): NodeDto => NodeDto.of(node, { isAdmin: true });

/** A node that was registered, with its address: the only answer that shows its join token, if it has one. */
export const registeredNodeAnswer = ({ node, join }: RegisteredNode): Answer => ({
  status: 201,
  body: Object.assign(new RegisteredNodeDto(), toAdministrator(node), join && { join: JoinDto.of(join) }),
  location: `/api/nodes/${node.id}`,
});

/** Another join token: the only answer that shows it. */
export const rejoinAnswer = (join: OpenedJoin): Answer => ({ status: 201, body: JoinDto.of(join) });

/** A node as it is after a change. */
export const changedNodeAnswer = (node: NodeRecord): Answer => ({ status: 200, body: toAdministrator(node) });

/** The answer to a removal. */
export const removedNodeAnswer = ({ id, name }: RemovedNode): Answer => ({
  status: 200,
  body: { success: true, node_id: id, message: `Node ${name} removed` } satisfies RemovedNodeDto,
});
