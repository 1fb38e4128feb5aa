import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesConstant } from '../../schema/constant.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import type { Model } from '../../schema/model.ts';
import { openModelFile } from '../../schema/model-file.node.ts';
import { readModel } from '../../schema/reader.ts';
import { type BufferPlacement, modelBytes } from '../../schema/writer.ts';
import { readWithFlatbuffers } from '../support/flatbuffers-reader.ts';
import { ModelBuilder, randomFloats, randomSource } from '../support/model-builder.ts';
import { convolutionModel, denseModel, twoSignatureModel } from '../support/models.ts';
import { randomTable } from '../support/random-tables.ts';
import { expectSameModel } from '../support/same-model.ts';
import { sharedPath, skipUnless } from '../support/shared.ts';

const PLACEMENTS: readonly BufferPlacement[] = ['auto', 'inline', 'external'];

/** Model with a custom operator, free dimensions, blockwise and per-channel scales, metadata, strings and an empty constant. */
function unusualModel(): ModelBuilder {
  const builder = new ModelBuilder('größe');
  const main = builder.subgraph();
  const x = main.input('x', [1, 4], { signature: [-1, 4] });
  const scales = main.constant('scales', [2, 1], new Uint16Array(2), { type: 'FLOAT16' });
  const weights = main.constant('weights', [2, 4], Uint8Array.of(1, 2, 3, 4), {
    type: 'INT4',
    quantization: {
      quantizedDimension: 0,
      details: { table: 'BlockwiseQuantization', scales, zeroPoints: -1, blockSize: 4 },
    },
  });
  const bias = main.constant('bias', [2], Int32Array.of(-5, 7), { quantization: { scale: [0.5, 0.25], axis: 0 } });
  const y = main.operator('FULLY_CONNECTED', [x, weights, bias], { name: 'y', shape: [1, 2] });
  main.constant('empty', [0], new Float32Array(0));
  const state = main.tensor({ name: 'state', isVariable: true });
  main.outputs(main.custom('MyOperator', [y, -1, state], { name: 'z', shape: [] }, Uint8Array.of(9, 8, 7)));
  main.operator('STABLEHLO_COMPOSITE', [y], { name: 'w' }, { name: 'odml.something', decompositionSubgraphIndex: 0 });
  return builder.metadata('min_runtime_version', new TextEncoder().encode('1.5.0'));
}

const MODELS: Readonly<Record<string, () => ModelBuilder>> = {
  dense: denseModel,
  convolution: convolutionModel,
  'two signatures': twoSignatureModel,
  unusual: unusualModel,
  'nothing at all': () => new ModelBuilder(),
};

describe.each(Object.entries(MODELS))('a model of the builder: %s', (_name, build) => {
  it.each(PLACEMENTS)('is the same after write and read, buffers %s', (buffers) => {
    const model = build().build();
    const bytes = modelBytes(model, { buffers });
    expectSameModel(readModel(bytes), model);
    expect(modelBytes(readModel(bytes), { buffers })).toEqual(bytes);
  });

  it('says the same to the flatbuffers package', () => {
    const model = build().build();
    const read = readWithFlatbuffers(modelBytes(model), 'Model') as { buffers: { data?: Uint8Array }[] };
    expect(read.buffers.map(({ data }) => data)).toEqual(model.buffers.map((constant) => constant?.read()));
    const operators = model.subgraphs.map((subgraph) => subgraph.operators.length);
    expect((read as unknown as Model).subgraphs.map((subgraph) => subgraph.operators.length)).toEqual(operators);
  });
});

describe('random models', () => {
  it('are the same after write and read, whatever their fields hold', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 }), fc.constantFrom(...PLACEMENTS), (seed, buffers) => {
        const model = randomModel(seed);
        expectSameModel(readModel(modelBytes(model, { buffers })), model);
      }),
      { numRuns: 100, seed: 11 },
    );
  });
});

/** Random fields everywhere, with references that point to something. */
function randomModel(seed: number): Model {
  const next = randomSource(seed);
  const below = (count: number) => Math.floor(next() * count);
  const buffers = Array.from({ length: 1 + below(4) }, (_, i) =>
    next() < 0.3 ? undefined : bytesConstant(new Uint8Array(randomFloats(below(600), seed + i + 1).buffer)),
  );
  const codes = Array.from({ length: 1 + below(3) }, () => randomTable('OperatorCode', next));
  const subgraphs = Array.from({ length: below(3) }, () => {
    const tensors = Array.from({ length: 1 + below(5) }, () => {
      const buffer = below(buffers.length);
      const sizeBytes = buffers[buffer]?.sizeBytes ?? 0;
      const stored = sizeBytes === 0 ? {} : { type: TensorType.INT8, shape: [sizeBytes] };
      return { ...randomTable('Tensor', next), ...stored, buffer };
    });
    const indices = (least: number) =>
      Array.from({ length: below(4) }, () => Math.max(least, below(tensors.length + 1) - 1));
    const isWritable = (index: number) => !buffers[tensors[index]?.buffer ?? 0]?.sizeBytes;
    const operators = Array.from({ length: below(4) }, () => {
      const { largeCustomOptionsOffset, largeCustomOptionsSize, ...rest } = randomTable('Operator', next);
      return { ...rest, opcodeIndex: below(codes.length), inputs: indices(-1), outputs: indices(0).filter(isWritable) };
    });
    return { ...randomTable('SubGraph', next), tensors, operators, inputs: indices(0), outputs: indices(0) };
  });
  const { signatureDefs, ...rest } = randomTable('Model', next);
  return { ...rest, operatorCodes: codes, subgraphs, buffers } as unknown as Model;
}

/** Every `.tflite` file below the folders of the shared material. */
function sharedModels(): string[] {
  return ['models', 'golden', 'golden-real'].flatMap((folder) => {
    const root = sharedPath(folder);
    if (root === undefined) return [];
    const entries = readdirSync(root, { recursive: true, encoding: 'utf8' });
    return entries.filter((entry) => entry.endsWith('.tflite')).map((entry) => join(root, entry));
  });
}

const files = sharedModels();

describe.skipIf(skipUnless(files.length, 'no shared models'))('every shared model', () => {
  it(`is the same after write and read (${files.length} files)`, () => {
    for (const file of files) {
      const original = openModelFile(file);
      try {
        expectSameModel(readModel(modelBytes(original.model)), original.model);
      } catch (error) {
        throw new Error(`${file}: ${String(error)}`, { cause: error });
      } finally {
        original.close();
      }
    }
  });

  it('reads the same from disk as from memory', () => {
    for (const file of files.slice(0, 40)) {
      const original = openModelFile(file);
      expectSameModel(readModel(readFileSync(file)), original.model);
      original.close();
    }
  });

  it('has no field that the flatbuffers package sees and we do not', () => {
    for (const file of files.filter((name) => name.includes('zoo') || name.includes('digits'))) {
      const bytes = readFileSync(file);
      const seen = readWithFlatbuffers(bytes, 'Model', false) as unknown as Model;
      const { buffers: _buffers, ...model } = readModel(bytes);
      expect(model.operatorCodes).toEqual(seen.operatorCodes ?? []);
      expect(model.metadata).toEqual(seen.metadata);
      expect(model.subgraphs.map(({ tensors }) => tensors)).toEqual(seen.subgraphs.map(({ tensors }) => tensors));
    }
  });
});
