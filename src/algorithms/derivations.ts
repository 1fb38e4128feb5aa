import type { ChannelExtent } from '../../kernels/index.ts';
import type { Constant, ConstantOrigin } from '../../schema/constant.ts';
import { AeqError } from '../../schema/errors.ts';
import { codesAsFloats, float16Constant, quantizedConstant } from './constants.ts';
import type { CodeParameters } from './parameters.ts';
import { rotatedConstant } from './rotation.ts';

type Derive = (source: Constant, parameters: unknown) => Constant;

/** How constants are made of others, by the name in their origin. */
const DERIVATIONS: ReadonlyMap<string, Derive> = new Map<string, Derive>([
  [
    'quantized',
    (source, given) => {
      const { extent, parameters } = given as { extent: ChannelExtent; parameters: CodeParameters };
      return quantizedConstant(source, extent, parameters);
    },
  ],
  ['float16', float16Constant],
  ['codesAsFloats', codesAsFloats],
  ['rotated', (source, given) => rotatedConstant(source, (given as { size: number }).size)],
]);

/** The constant that an origin describes; `open` gives ranges of files. */
export function constantOfOrigin(
  origin: ConstantOrigin,
  open: (file: Extract<ConstantOrigin, { kind: 'file' }>) => Constant,
): Constant {
  if (origin.kind === 'file') return open(origin);
  const derive = DERIVATIONS.get(origin.how);
  if (!derive) throw new AeqError('INTERNAL', `no constant is derived by ${origin.how}`);
  return derive(constantOfOrigin(origin.from, open), origin.parameters);
}
