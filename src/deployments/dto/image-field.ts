import { ValidateBy } from 'class-validator';
import { TextField } from '../../common/validation/fields';
import { imageReferenceFault, MAX_IMAGE_REFERENCE_LENGTH } from '../../engines/image-reference';

/** A reference to an image that engines take. */
export const ImageField = (): PropertyDecorator => {
  const isText = TextField({ max: MAX_IMAGE_REFERENCE_LENGTH });
  const isReference = ValidateBy({
    name: 'imageField',
    validator: {
      validate: (value: unknown) => faultOf(value) === null,
      defaultMessage: (context) => `${context?.property ?? 'the value'} must ${faultOf(context?.value) ?? 'be an image reference'}`,
    },
  });
  return (target, key) => {
    for (const decorate of [isText, isReference]) decorate(target, key);
  };
};

/** Null too for what TextField refuses already, so that a fault is named once. */
const faultOf = (value: unknown): string | null =>
  typeof value === 'string' && value !== '' && value.length <= MAX_IMAGE_REFERENCE_LENGTH ? imageReferenceFault(value) : null;
