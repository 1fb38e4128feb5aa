import { sharedWorkspace } from '../../kernels/index.ts';
import type { Constant } from '../../schema/constant.ts';
import { AeqError } from '../../schema/errors.ts';
import type { TensorConfig } from '../recipe/types.ts';
import { CHUNK_ELEMENTS, placeElements } from './constants.ts';
import { derivedConstant } from './derived-constant.ts';
import { octavConstant, octavOf } from './octav.ts';
import type { TensorParameters } from './parameters.ts';
import type { ConstantRequest } from './request.ts';

/** Setting of a weight config: the largest matrix; absent or 0 for no limit. */
const MAX_SIZE_SETTING = 'max_hadamard_size';
const LARGEST_SIZE = 2 ** 30;

/**
 * Size of the Hadamard matrices along an axis: the largest power of two that divides its length, within the limit of the
 * settings. 1 where there is nothing to rotate.
 */
export function rotationSize(length: number, { algorithmParams }: Pick<TensorConfig, 'algorithmParams'>): number {
  const largest = Math.min(length & -length, LARGEST_SIZE);
  const limit = algorithmParams[MAX_SIZE_SETTING];
  return typeof limit === 'number' && limit >= 1 ? Math.min(largest, 2 ** Math.floor(Math.log2(limit))) : largest;
}

const rotated = new WeakMap<Constant, Map<number, Constant>>();

/** A float32 constant whose runs of `size` values are rotated, computed when it is read. One handle per size. */
export function rotatedConstant(source: Constant, size: number): Constant {
  const own = rotated.get(source) ?? new Map<number, Constant>();
  rotated.set(source, own);
  const found = own.get(size) ?? computeRotated(source, size);
  own.set(size, found);
  return found;
}

function computeRotated(source: Constant, size: number): Constant {
  const compute = (start: number, end: number) => {
    // Runs are rotated as a whole, of which only a part may be wanted.
    const first = start - (start % size);
    const count = Math.ceil((end - first) / size) * size;
    const workspace = sharedWorkspace();
    const values = placeElements(workspace, source, first, first + count);
    const scratch = workspace.allocate(8 * size);
    const target = workspace.allocate(4 * count);
    workspace.kernels.rotate(values, count, size, scratch, target);
    return workspace.bytes(target + 4 * (start - first), 4 * (end - start));
  };
  const count = source.sizeBytes / 4;
  const chunkElements = Math.max(CHUNK_ELEMENTS, size);
  return derivedConstant({ source, count, bits: 32, chunkElements, compute, how: 'rotated', parameters: { size } });
}

/** The values that a rotating algorithm quantizes; the request's own where there is nothing to rotate. */
export function rotatedSource({ constant, shape, config }: ConstantRequest): Constant {
  const size = rotationSize(shape.at(-1) ?? 1, config);
  return size < 2 || shape.length < 2 ? constant : rotatedConstant(constant, size);
}

/**
 * Weights rotated along their last dimension by Hadamard matrices (which spreads outliers over all values), then as
 * OCTAV. What is multiplied by them has to be rotated alike: `rotation` says by which size. Where the last dimension is
 * odd there is no rotation.
 * @throws AeqError OPERATOR_UNSUPPORTED under compat where there is nothing to rotate.
 */
export function rotatedParameters(request: ConstantRequest): TensorParameters {
  const { shape, config } = request;
  const size = rotationSize(shape.at(-1) ?? 1, config);
  const source = rotatedSource(request);
  if (source === request.constant) {
    if (request.asOriginal) throw notRotated(shape);
    return octavConstant(request);
  }
  return { ...octavOf(request, source, `rotated by ${size}, clipped for the least squared error`), rotation: size };
}

const notRotated = (shape: readonly number[]) =>
  new AeqError('OPERATOR_UNSUPPORTED', `a weight of shape [${shape}] cannot be rotated: its last dimension is odd`, {
    hint: 'without --compat such operators are quantized without a rotation',
  });
