import { findAssociatedFiles } from './associated-files.ts';
import { checkModel } from './check-model.ts';
import { type ByteSource, memorySource } from './codec/byte-source.ts';
import { Cursor } from './codec/cursor.ts';
import { decodeTable, type Table } from './codec/decode.ts';
import type { Constant } from './constant.ts';
import { AeqError } from './errors.ts';
import { FILE_IDENTIFIER, TFLITE } from './generated/tflite.ts';
import type { Model, Operator, SignatureDef, Subgraph } from './model.ts';
import { describeContent } from './sniff.ts';

/** What a Buffer table holds once decoded: inline data as a lazy range, or a place behind the flatbuffer. */
interface BufferTable {
  data?: Constant;
  offset: bigint;
  size: bigint;
}

/**
 * Reads the graph of a `.tflite` file. Constants stay handles into the source, which must stay open as long as they are
 * used; no weight is read. `file` is the name for error messages.
 * @throws AeqError MODEL_NOT_TFLITE, MODEL_TRUNCATED, MODEL_INVALID, with the byte offset or with subgraph and tensor.
 */
export function readModel(input: ByteSource | Uint8Array, file?: string): Model {
  const source = input instanceof Uint8Array ? memorySource(input) : input;
  checkIdentifier(source, file);
  const cursor = new Cursor(source, TFLITE, file);
  const root = decodeTable(cursor, 'Model', cursor.follow(0, 'root table'), (table, field, start, length) => {
    if (table === 'Buffer' && field === 'data') return sourceConstant(source, start, length);
    cursor.spend(length, start);
    return source.read(start, length).slice();
  });
  const model = assemble(root, cursor);
  const associatedFiles = findAssociatedFiles(source);
  if (associatedFiles) model.associatedFiles = associatedFiles;
  checkModel(model, file);
  return model;
}

/** A constant that is a range of a file. */
export function sourceConstant(source: ByteSource, offset: number, sizeBytes: number): Constant {
  const { place } = source;
  return {
    sizeBytes,
    read: (start = 0, end = sizeBytes) => source.read(offset + start, end - start),
    ...(source.fill && { fill: (target: Uint8Array, start: number) => source.fill?.(target, offset + start) }),
    ...(place && {
      origin: { kind: 'file', descriptor: place.descriptor, offset: place.offset + offset, sizeBytes },
    }),
  };
}

function checkIdentifier(source: ByteSource, file: string | undefined): void {
  const head = source.view(0, Math.min(64, source.sizeBytes));
  if (head.length >= 8 && new TextDecoder('latin1').decode(head.subarray(4, 8)) === FILE_IDENTIFIER) return;
  throw new AeqError('MODEL_NOT_TFLITE', `${file ?? 'the input'} is not a .tflite model: ${describeContent(head)}`, {
    where: file === undefined ? {} : { file },
    hint: `a .tflite file has the letters ${FILE_IDENTIFIER} at byte 4`,
  });
}

function assemble(root: Table, cursor: Cursor): Model {
  const buffers = ((root.buffers ?? []) as BufferTable[]).map((buffer) => bufferConstant(buffer, cursor));
  const subgraphs = ((root.subgraphs ?? []) as Partial<Subgraph>[]).map((subgraph) => ({
    ...subgraph,
    tensors: subgraph.tensors ?? [],
    inputs: subgraph.inputs ?? [],
    outputs: subgraph.outputs ?? [],
    operators: (subgraph.operators ?? []).map((operator) => inlineOptions(operator, cursor)),
  }));
  const signatures = root.signatureDefs as Partial<SignatureDef>[] | undefined;
  return {
    ...root,
    operatorCodes: root.operatorCodes ?? [],
    subgraphs,
    buffers,
    ...(signatures && {
      signatureDefs: signatures.map((signature) => ({
        ...signature,
        inputs: signature.inputs ?? [],
        outputs: signature.outputs ?? [],
      })),
    }),
  } as Model;
}

/** Offset 0 means "not there"; 1 is the placeholder of a file whose writer did not finish. */
function bufferConstant(buffer: BufferTable, cursor: Cursor): Constant | undefined {
  if (buffer.offset <= 1n) return buffer.data;
  return outsideRange(cursor, buffer.offset, buffer.size, 'constant behind the flatbuffer');
}

function outsideRange(cursor: Cursor, offset: bigint, size: bigint, what: string): Constant {
  cursor.check(Number(offset), Number(size), what);
  return sourceConstant(cursor.source, Number(offset), Number(size));
}

function inlineOptions(
  operator: Partial<Operator> & { largeCustomOptionsOffset?: bigint; largeCustomOptionsSize?: bigint },
  cursor: Cursor,
): Operator {
  const { largeCustomOptionsOffset: offset = 0n, largeCustomOptionsSize: size = 0n, ...rest } = operator;
  const result = { ...rest, inputs: rest.inputs ?? [], outputs: rest.outputs ?? [] } as Operator;
  if (offset > 1n) {
    const options = outsideRange(cursor, offset, size, 'custom options');
    cursor.spend(options.sizeBytes, Number(offset));
    result.customOptions = options.read().slice();
  }
  return result;
}
