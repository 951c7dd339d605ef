import { applyDecorators } from '@nestjs/common';
import { ApiPropertyOptional } from '@nestjs/swagger';
import { ArrayMaxSize, ArrayUnique, IsIn } from 'class-validator';
import { IsPlainMap, Optional, TextField, TextList } from '../../common/validation/fields';
import { LABEL_NAME } from '../../deployments/dto/deploy-request.dto';
import { EVENT_TYPES } from '../../events/event-types';

const TYPES = Object.keys(EVENT_TYPES);

/** Types of events. An empty list stands for all. */
export const EventTypesField = (): PropertyDecorator =>
  applyDecorators(
    ApiPropertyOptional({ enum: TYPES, isArray: true, description: 'None: all types', example: ['fog.deployment.failed'] }),
    Optional(),
    TextList({ maxEntries: TYPES.length, max: 64 }),
    IsIn(TYPES, { each: true, message: 'event_types must be types of events' }),
    ArrayMaxSize(TYPES.length),
    ArrayUnique(),
  );

/** Labels, all of which a deployment must have. */
export const LabelSelectorField = (): PropertyDecorator =>
  applyDecorators(
    ApiPropertyOptional({
      description: 'Only events of deployments with all of these labels',
      example: { team: 'edge' },
    }),
    Optional(),
    IsPlainMap({ maxEntries: 16, keyPattern: LABEL_NAME, maxValueLength: 256 }),
  );

/** The text by which the owner recognises a subscription. */
export const DescriptionField = (): PropertyDecorator =>
  applyDecorators(ApiPropertyOptional({ maxLength: 200, example: 'on-call' }), Optional(), TextField({ min: 0, max: 200 }));
