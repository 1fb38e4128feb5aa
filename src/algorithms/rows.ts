import { sharedWorkspace, TILE } from '../../kernels/index.ts';
import { type Constant, fillFrom } from '../../schema/constant.ts';
import { derivedConstant } from './derived-constant.ts';
import { type ConstantRequest, scaleGroups } from './request.ts';

/** Codes of rows [first, last) of a weight, at most TILE of them. */
export type RowCodes = (first: number, last: number) => Int8Array;

/** Length of the rows of a weight: what one value of the result is a sum of products with. */
export const rowLength = ({ shape }: Pick<ConstantRequest, 'shape'>): number => shape.at(-1) ?? 1;

/** The values of rows [first, last) of a weight. */
export function readRows(
  { constant, shape }: Pick<ConstantRequest, 'constant' | 'shape'>,
  first: number,
  last: number,
) {
  const length = rowLength({ shape });
  const values = new Float32Array((last - first) * length);
  fillFrom(constant, new Uint8Array(values.buffer), 4 * first * length);
  return values;
}

/** By the number of a value of a weight: the group whose scale it has. */
export function groupOf(request: ConstantRequest): (element: number) => number {
  const { channels, inner } = scaleGroups(request);
  return channels === 1 ? () => 0 : (element) => Math.floor(element / inner) % channels;
}

/**
 * Codes of at most 8 bits that are found for whole rows at once, TILE of them, when they are read. Rows do not depend on
 * each other, so any range can be read. This thread's alone: what codes are found with is too much to send around.
 */
export function rowsConstant(request: ConstantRequest, bits: number, codesOf: RowCodes): Constant {
  const columns = rowLength(request);
  const count = request.constant.sizeBytes / 4;
  let known: { readonly first: number; readonly codes: Int8Array } | undefined;
  const rowsFrom = (first: number) => {
    if (known?.first !== first) known = { first, codes: codesOf(first, Math.min(first + TILE, count / columns)) };
    return known.codes;
  };
  const compute = (start: number, end: number) => {
    const codes = new Int8Array(end - start);
    for (let at = start; at < end; ) {
      const first = at - (at % (TILE * columns));
      const rows = rowsFrom(first / columns);
      const part = rows.subarray(at - first, end - first);
      codes.set(part, at - start);
      at += part.length;
    }
    return bits === 8 ? new Uint8Array(codes.buffer) : packed(codes, bits);
  };
  return derivedConstant({ count, bits, chunkElements: TILE * columns, compute });
}

function packed(codes: Int8Array, bits: number): Uint8Array {
  const workspace = sharedWorkspace();
  const source = workspace.place(codes);
  const size = Math.ceil((codes.length * bits) / 8);
  const target = workspace.allocate(size);
  workspace.kernels.pack(source, codes.length, bits === 4 ? 4 : 2, target);
  return workspace.bytes(target, size);
}
