import { applyDecorators } from '@nestjs/common';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, ValidateBy, ValidateIf } from 'class-validator';
import { IsPlainMap, Optional, TextField } from '../../common/validation/fields';
import { isNodeAddress, MAX_NODE_ADDRESS_LENGTH } from '../../engines/node-address';
import { ENGINE_CHOOSES, NODE_TYPES } from '../node.types';

const REGION = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
const LABEL_KEY = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$/;

const REGION_RULE = { max: 100, pattern: REGION, hint: 'start with a letter or digit and contain only letters, digits, ., _ and -' };
const REGION_SCHEMA = { example: 'us-east', maxLength: 100, pattern: REGION.source };

export const Region = (): PropertyDecorator => applyDecorators(ApiProperty(REGION_SCHEMA), TextField(REGION_RULE));

export const OptionalRegion = (): PropertyDecorator =>
  applyDecorators(ApiPropertyOptional(REGION_SCHEMA), Optional(), TextField(REGION_RULE));

export const OptionalNodeType = (schema: { default?: string } = {}): PropertyDecorator =>
  applyDecorators(
    ApiPropertyOptional({ enum: NODE_TYPES, ...schema }),
    Optional(),
    IsIn(NODE_TYPES, { message: `node_type must be one of: ${NODE_TYPES.join(', ')}` }),
  );

const OCI_RUNTIME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

export const OptionalOciRuntime = (): PropertyDecorator =>
  applyDecorators(
    ApiPropertyOptional({
      example: ENGINE_CHOOSES,
      maxLength: 100,
      pattern: OCI_RUNTIME.source,
      description: `The OCI runtime that new containers of the node run under, such as runsc; ${ENGINE_CHOOSES}: the engine's own choice.`,
    }),
    Optional(),
    TextField({
      max: 100,
      pattern: OCI_RUNTIME,
      hint: 'start with a letter or digit and contain only letters, digits, ., _ and -',
    }),
  );

/** In a change `null` takes back what was set. */
export const OptionalAddress = (): PropertyDecorator =>
  applyDecorators(
    ApiPropertyOptional({
      type: 'string',
      nullable: true,
      example: '10.0.0.5',
      maxLength: MAX_NODE_ADDRESS_LENGTH,
      description:
        'An IP address or a host name, where load balancers and health checks reach the ports of its replicas. null: the host of its endpoint, else this machine.',
    }),
    ValidateIf((_dto: object, value: unknown) => value !== undefined && value !== null),
    ValidateBy({
      name: 'nodeAddress',
      validator: { validate: isNodeAddress, defaultMessage: () => 'address must be an IP address or a host name, without a port' },
    }),
  );

const MAX_KUBECONFIG_LENGTH = 65_536;

/** A text of several lines; what it says is checked later. */
const isKubeconfigText = (value: unknown): boolean =>
  typeof value === 'string' && value.length <= MAX_KUBECONFIG_LENGTH && !value.includes('\0');

/** Never comes back in an answer. */
export const OptionalKubeconfig = (): PropertyDecorator =>
  applyDecorators(
    ApiPropertyOptional({
      writeOnly: true,
      example: 'in-cluster',
      maxLength: MAX_KUBECONFIG_LENGTH,
      description:
        'A kubeconfig with everything in itself, as `kubectl config view --flatten --minify --raw` writes it; in-cluster: the cluster that this program runs in. Required for a kubernetes node. Encrypted, and never shown.',
    }),
    Optional(),
    ValidateBy({
      name: 'kubeconfig',
      validator: {
        validate: isKubeconfigText,
        defaultMessage: () => `kubeconfig must be a text of at most ${MAX_KUBECONFIG_LENGTH} characters`,
      },
    }),
  );

const INGRESS_CLASS = /^[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?$/;
const GATEWAY = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?\/[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?$/;
const MAX_ENTRANCE_LENGTH = 253;

type Entranced = Readonly<Record<'example' | 'hint' | 'description', string>>;

/** `null` takes back what was set. */
const OptionalEntrance = (pattern: RegExp, { example, hint, description }: Entranced): PropertyDecorator =>
  applyDecorators(
    ApiPropertyOptional({
      type: 'string',
      nullable: true,
      example,
      maxLength: MAX_ENTRANCE_LENGTH,
      pattern: pattern.source,
      description,
    }),
    ValidateIf((_dto: object, value: unknown) => value !== undefined && value !== null),
    TextField({ max: MAX_ENTRANCE_LENGTH, pattern, hint }),
  );

export const OptionalIngressClass = (): PropertyDecorator =>
  OptionalEntrance(INGRESS_CLASS, {
    example: 'nginx',
    hint: 'be the name of an IngressClass',
    description: 'Kubernetes only: an Ingress of this class is made for the routes of each deployment. null: none.',
  });

export const OptionalGateway = (): PropertyDecorator =>
  OptionalEntrance(GATEWAY, {
    example: 'infra/public',
    hint: 'be the namespace and the name of a Gateway, such as infra/public',
    description: 'Kubernetes only: HTTPRoutes for this Gateway are made for the routes of each deployment. null: none.',
  });

export const OptionalLabels = (description: string): PropertyDecorator =>
  applyDecorators(
    ApiPropertyOptional({ description }),
    Optional(),
    IsPlainMap({ maxEntries: 64, keyPattern: LABEL_KEY, maxValueLength: 256 }),
  );
