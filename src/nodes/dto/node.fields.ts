import { applyDecorators } from '@nestjs/common';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn } from 'class-validator';
import { IsPlainMap, Optional, TextField } from '../../common/validation/fields';
import { NODE_TYPES } from '../node.types';

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

export const OptionalLabels = (description: string): PropertyDecorator =>
  applyDecorators(
    ApiPropertyOptional({ type: 'object', additionalProperties: { type: 'string', maxLength: 256 }, maxProperties: 64, description }),
    Optional(),
    IsPlainMap({ maxEntries: 64, keyPattern: LABEL_KEY, maxValueLength: 256 }),
  );
