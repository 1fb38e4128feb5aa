import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { float16Bits } from '../../kernels/index.ts';
import { memorySource } from '../../schema/codec/byte-source.ts';
import { bytesConstant } from '../../schema/constant.ts';
import { builtinCode, builtinName, typeName } from '../../schema/graph.ts';
import type { Model } from '../../schema/model.ts';
import { readModel } from '../../schema/reader.ts';
import type { TensorParameters } from '../../src/algorithms/parameters.ts';
import { algorithmOf, algorithmSupport } from '../../src/algorithms/registry.ts';
import { rotatedSource } from '../../src/algorithms/rotation.ts';
import type { AlgorithmKey, Granularity } from '../../src/recipe/types.ts';
import { rotationOptions } from '../../src/transform/rotation-options.ts';
import { sharedPath } from '../support/shared.ts';
import type { OriginalCalibration } from './original-ranges.ts';
import { quantizeWith } from './quantize-as-original.ts';

type Nested = number | string | readonly Nested[];

interface Case {
  readonly case: string;
  readonly inputs: { w?: Nested; modelBase64?: string; hadamardSize?: number };
  readonly params: {
    op?: string;
    numBits?: number;
    granularity?: Granularity;
    maxHadamardSize?: number | null;
    skipChecks?: boolean;
    recipe?: { algorithm_key: string }[];
  };
  readonly outputs: Record<string, unknown>;
}

const path = sharedPath('reference', 'golden-algorithms.json');
const cases = path === undefined ? [] : (JSON.parse(readFileSync(path, 'utf8')) as { cases: Case[] }).cases;
if (path === undefined) console.log('skipped: golden-algorithms.json is not here');
const of = (prefix: string, has: string) =>
  cases.filter(({ case: name, outputs }) => name.startsWith(prefix) && has in outputs);

const flat = (value: Nested): number[] => (Array.isArray(value) ? value.flatMap(flat) : [Number(value)]);
const shapeOf = (value: Nested): number[] => (Array.isArray(value) ? [value.length, ...shapeOf(value[0])] : []);

/** The request of a case, as the original's operator makes it. */
function requestOf({ inputs, params }: Case) {
  const values = inputs.w ?? [];
  const shape = shapeOf(values);
  const limit = params.maxHadamardSize;
  return {
    constant: bytesConstant(new Uint8Array(Float32Array.from(flat(values)).buffer)),
    shape,
    config: {
      numBits: params.numBits ?? 8,
      symmetric: true,
      granularity: params.granularity ?? 'CHANNELWISE',
      dtype: 'INT' as const,
      algorithmParams: typeof limit === 'number' ? { max_hadamard_size: limit } : {},
    },
    channelAxis: params.op === 'DEPTHWISE_CONV_2D' ? 3 : 0,
    blockAxis: 1,
    asOriginal: true,
    unchecked: params.skipChecks === true,
  };
}

const hexOf = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString('hex');

function expectParameters(found: TensorParameters, { outputs }: Case, relative: number): void {
  const scales = flat(outputs.scale as Nested);
  expect(found.scales.length).toBe(scales.length);
  scales.forEach((scale, i) => {
    if (relative === 0 || !Number.isFinite(scale)) expect(found.scales[i]).toBe(scale);
    else expect(Math.abs((found.scales[i] as number) - scale)).toBeLessThanOrEqual(relative * scale);
  });
  if (outputs.scaleFp16Bits && relative === 0) {
    expect(Array.from(found.scales, float16Bits)).toEqual(flat(outputs.scaleFp16Bits as Nested));
  }
  expect(found.shape).toEqual(outputs.scaleShape);
  expect(hexOf(found.data?.read())).toBe(outputs.packedHex);
}

describe.skipIf(path === undefined)('the original, algorithm by algorithm', () => {
  it.each([
    ...of('octav/', 'scale').map((entry) => ['OCTAV', entry.case, entry] as const),
    ...of('mse/', 'scale').map((entry) => ['MSE', entry.case, entry] as const),
    ...of('recovery/', 'scale').map((entry) => ['dequantized_weight_recovery', entry.case, entry] as const),
    ...of('blockwise/', 'packedHex').map((entry) => ['min_max_uniform_quantize', entry.case, entry] as const),
  ])('%s: %s', (key, _, entry) => {
    const found = algorithmOf(key)?.constantParameters(requestOf(entry)) as TensorParameters;
    expectParameters(found, entry, 0);
  });

  // A rank error of the original is not among these: one scale for weights of four dimensions is fine.
  it.each(of('recovery/', 'error').filter(({ outputs }) => /recovery-failed/.test(JSON.stringify(outputs))))(
    '$case: refused here too',
    (entry) => {
      const recover = () => algorithmOf('dequantized_weight_recovery')?.constantParameters(requestOf(entry));
      expect(recover).toThrowError(/not codes times a scale/);
    },
  );

  // The original's products depend on the processor's matrix kernels, in the last bits.
  it.each(of('hadamard/', 'rotated'))('$case', (entry) => {
    const request = requestOf(entry);
    const found = algorithmOf('HADAMARD_ROTATION')?.constantParameters(request) as TensorParameters;
    expect(found.rotation).toBe(entry.outputs.hadamardSize);
    const expected = flat(entry.outputs.rotated as Nested);
    const most = Math.max(...flat(entry.inputs.w ?? []).map(Math.abs));
    const rotated = new Float32Array(rotatedSource(request).read().slice().buffer);
    expected.forEach((x, i) => {
      expect(Math.abs(x - (rotated[i] as number))).toBeLessThanOrEqual(4e-7 * most);
    });
    expectParameters(found, entry, 2e-6);
  });

  it.each(of('hadamard/flexbuffer', 'hex'))('$case', ({ inputs, outputs }) => {
    expect(hexOf(rotationOptions(inputs.hadamardSize ?? 0))).toBe(outputs.hex);
  });
});

const IMPLEMENTED = new Set<string>(['no_quantize', ...algorithmSupport.map(({ key }) => key)]);
const graphs = cases.filter(
  ({ case: name, params }) =>
    name.startsWith('graph/') && params.recipe?.every(({ algorithm_key: key }) => IMPLEMENTED.has(key)),
);
const isRotated = ({ params }: Case) => params.recipe?.some(({ algorithm_key: key }) => key.includes('HADAMARD'));

function quantize({ inputs, params, outputs }: Case): Model {
  return quantizeWith({
    model: readModel(memorySource(Buffer.from(inputs.modelBase64 ?? '', 'base64'))),
    recipe: params.recipe,
    compat: true,
    ...(outputs.qsvs ? { calibration: outputs.qsvs as OriginalCalibration } : {}),
  });
}

/**
 * A model as the golden file shows it, without the numbers of buffers and the codes for old readers, which the original
 * leaves 0 where it adds an entry.
 */
function dump(model: Model) {
  const graph = model.subgraphs[0];
  const entryOf = (index: number) => model.operatorCodes[index];
  return {
    operatorCodes: model.operatorCodes.map((code) => ({
      builtin: builtinName(builtinCode(code)),
      custom: code.customCode ?? null,
      version: code.version,
    })),
    tensors: graph?.tensors.map((tensor, i) => {
      const { quantization, buffer } = tensor;
      const data = model.buffers[buffer]?.read();
      const details = quantization?.details;
      return {
        i,
        name: tensor.name,
        shape: tensor.shape ?? [],
        ...(tensor.shapeSignature?.length ? { shapeSignature: tensor.shapeSignature } : {}),
        type: typeName(tensor.type),
        ...(quantization && (quantization.scale?.length || details)
          ? {
              scale: Array.from(quantization.scale ?? []),
              zeroPoint: Array.from(quantization.zeroPoint ?? [], Number),
              quantizedDimension: quantization.quantizedDimension,
              blockwise:
                details?.table === 'BlockwiseQuantization'
                  ? { scales: details.scales, zeroPoints: details.zeroPoints, blockSize: details.blockSize }
                  : undefined,
            }
          : {}),
        dataHex: data?.length ? hexOf(data) : undefined,
      };
    }),
    operators: graph?.operators.map(({ opcodeIndex, inputs, outputs, customOptions }) => ({
      opcode: opcodeIndex,
      name: builtinName(
        builtinCode(entryOf(opcodeIndex) ?? { builtinCode: -1, deprecatedBuiltinCode: -1, version: 0 }),
      ),
      inputs,
      outputs,
      customOptionsHex: customOptions ? hexOf(customOptions) : null,
    })),
    inputs: graph?.inputs,
    outputs: graph?.outputs,
    signatures: (model.signatureDefs ?? []).map(({ signatureKey: key, inputs, outputs }) => ({
      key,
      inputs: Object.fromEntries(inputs.map(({ name, tensorIndex }) => [name, tensorIndex])),
      outputs: Object.fromEntries(outputs.map(({ name, tensorIndex }) => [name, tensorIndex])),
    })),
  };
}

interface GoldenTensor {
  quant?: { scale: number[] | null; zeroPoint: number[] | null; quantizedDimension: number; blockwise?: unknown };
  dataHex?: string;
}

function expectedDump(golden: Record<string, unknown>) {
  const {
    numBuffers: _,
    tensors,
    operators,
    operatorCodes,
    ...rest
  } = golden as {
    numBuffers: number;
    operatorCodes: { deprecatedBuiltinCode: number }[];
    tensors: (GoldenTensor & { buffer: number })[];
    operators: { optionsType: number }[];
  };
  return {
    ...rest,
    operatorCodes: operatorCodes.map(({ deprecatedBuiltinCode: _, ...code }) => code),
    tensors: tensors.map(({ quant, buffer: _, ...tensor }) => ({
      ...tensor,
      ...(quant && {
        scale: quant.scale ?? [],
        zeroPoint: quant.zeroPoint ?? [],
        quantizedDimension: quant.quantizedDimension,
        blockwise: quant.blockwise,
      }),
    })),
    operators: operators.map(({ optionsType: _, ...operator }) => operator),
  };
}

/** Numbers that may differ by two units in the last place of float32 are made equal where they do. */
function closeScales(found: ReturnType<typeof dump>, expected: ReturnType<typeof expectedDump>): void {
  found.tensors?.forEach((tensor, i) => {
    const other = (expected.tensors[i] as { scale?: number[] } | undefined)?.scale;
    if (!tensor.scale || !other) return;
    tensor.scale = tensor.scale.map((scale, k) => {
      const close = Math.abs(scale - (other[k] ?? 0)) <= 2 ** -22 * scale;
      return close ? (other[k] as number) : scale;
    });
  });
}

describe.skipIf(path === undefined)('the graphs of the original', () => {
  it.each(graphs.filter(({ outputs }) => 'model' in outputs))('$case', (entry) => {
    const found = dump(quantize(entry));
    const expected = expectedDump(entry.outputs.model as Record<string, unknown>);
    if (isRotated(entry)) closeScales(found, expected);
    expect(JSON.parse(JSON.stringify(found))).toEqual(JSON.parse(JSON.stringify(expected)));
  });

  it.each(graphs.filter(({ outputs }) => 'error' in outputs))('$case', (entry) => {
    expect(() => quantize(entry)).toThrow(expect.objectContaining({ name: 'AeqError' }));
  });

  it('are all there', () => {
    const keys = new Set(
      graphs.flatMap(({ params }) => params.recipe?.map((rule) => rule.algorithm_key as AlgorithmKey)),
    );
    for (const key of ['OCTAV', 'MSE', 'HADAMARD_ROTATION', 'DECOMPOSED_HADAMARD_ROTATION'] as const) {
      expect(keys).toContain(key);
    }
  });
});
