import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bytesConstant, type Constant } from '../../../schema/constant.ts';
import { constantOfOrigin } from '../../../src/algorithms/derivations.ts';
import { groupNumbers } from '../../../src/algorithms/group-numbers.ts';
import { earlierRule, MOST_ROUNDS } from '../../../src/algorithms/octav.ts';
import { rotatedConstant, rotationSize } from '../../../src/algorithms/rotation.ts';
import { Quantizer } from '../../../src/quantizer.ts';
import type { AlgorithmKey, Granularity } from '../../../src/recipe/types.ts';
import { ModelBuilder, randomFloats } from '../../support/model-builder.ts';
import { temporaryFolder } from '../../support/temporary.ts';

/** Bytes of int4 weights that make more than one job of each kind. */
const ROWS = 4501;
const COLUMNS = 1056;

function writeFloatModel(path: string): void {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const x = main.input('x', [1, COLUMNS]);
  const large = main.constant('large', [ROWS, COLUMNS], randomFloats(ROWS * COLUMNS, 1));
  main.outputs(main.operator('FULLY_CONNECTED', [x, large, -1], { name: 'y', shape: [1, ROWS] }));
  builder.signature('main', { inputs: { x }, outputs: { y: 'y' } });
  writeFileSync(path, builder.bytes());
}

const cases: [AlgorithmKey, Granularity][] = [
  ['min_max_uniform_quantize', 'BLOCKWISE_32'],
  ['OCTAV', 'CHANNELWISE'],
  ['OCTAV', 'TENSORWISE'],
  ['OCTAV', 'BLOCKWISE_32'],
  ['MSE', 'CHANNELWISE'],
  ['HADAMARD_ROTATION', 'CHANNELWISE'],
  ['DECOMPOSED_HADAMARD_ROTATION', 'BLOCKWISE_32'],
];

describe('weights that threads measure and store', () => {
  it.each(cases)('have the bytes of one thread: %s, %s', async (algorithm, granularity) => {
    const folder = temporaryFolder();
    const input = join(folder, 'float.tflite');
    writeFloatModel(input);
    const files: Buffer[] = [];
    for (const threads of [1, 3]) {
      const quantizer = await Quantizer.open(input);
      quantizer.addDynamicConfig({ weightBits: 4, algorithm, granularity });
      const result = await quantizer.quantize(undefined, { threads });
      const output = join(folder, `${threads}.tflite`);
      await result.exportModel(output, { threads });
      files.push(readFileSync(output));
      quantizer.close();
    }
    expect(files[1]?.equals(files[0] as Buffer)).toBe(true);
  });
});

describe('groupNumbers', () => {
  it('gives the same for any part of the groups', () => {
    const constant = bytesConstant(new Uint8Array(randomFloats(70 * 5000, 3).buffer));
    const extent = { outer: 1, channels: 70, inner: 5000 };
    for (const rule of [
      { kind: 'mean-square' },
      { kind: 'block-scale', bits: 4, limited: true },
      { kind: 'clipped-bound', bits: 4, perTensor: false, rounds: MOST_ROUNDS },
    ] as const) {
      const whole = groupNumbers(constant, extent, rule).values;
      const parts = [0, 1, 53].map((first, i) => groupNumbers(constant, extent, rule, first, [1, 53, 70][i]).values);
      expect(parts.flatMap((part) => [...part])).toEqual([...whole]);
    }
  });

  it('asks again where all groups settle early but not all come to rest', () => {
    const rule = { kind: 'clipped-bound', bits: 4, perTensor: false, rounds: 10 } as const;
    const values = new Float32Array(1);
    expect(earlierRule(rule, { values, rounds: { settled: 0b1110000000, fixed: 0 } })).toEqual({ ...rule, rounds: 8 });
    expect(earlierRule(rule, { values, rounds: { settled: 0b1110000000, fixed: 0b0010000000 } })).toBeUndefined();
    expect(earlierRule(rule, { values, rounds: { settled: 0b1000000000, fixed: 0 } })).toBeUndefined();
    expect(earlierRule(rule, { values, rounds: { settled: 0, fixed: 0 } })).toBeUndefined();
  });
});

describe('rotatedConstant', () => {
  const values = randomFloats(3 * 262_144, 5);
  const source = bytesConstant(new Uint8Array(values.buffer));

  it.each([2, 64, 524_288 / 2])('gives the same bytes in any pieces, in runs of %i', (size) => {
    const constant = rotatedConstant(source, size);
    const whole = constant.read();
    for (const [start, end] of [
      [0, 4],
      [1, 6],
      [4 * size - 8, 4 * size + 3],
      [1_000_003, 3_000_001],
    ] as const) {
      const last = Math.min(end, constant.sizeBytes);
      expect(Buffer.from(constant.read(start, last)).equals(whole.subarray(start, last)), `${start}`).toBe(true);
    }
    expect(rotatedConstant(source, size)).toBe(constant);
  });

  it('is made again from its origin', () => {
    const origin = { kind: 'file', descriptor: 7, offset: 3, sizeBytes: source.sizeBytes } as const;
    const described: Constant = { ...source, origin };
    const sent = structuredClone(rotatedConstant(described, 64).origin);
    const again = sent && constantOfOrigin(sent, () => source);
    expect(Buffer.from(again?.read() ?? []).equals(rotatedConstant(source, 64).read())).toBe(true);
  });

  it('takes the largest power of two in a length, up to the limit of the settings', () => {
    const size = (length: number, limit?: number) =>
      rotationSize(length, { algorithmParams: limit === undefined ? {} : { max_hadamard_size: limit } });
    expect([384, 7, 1024, 12].map((length) => size(length))).toEqual([128, 1, 1024, 4]);
    expect([size(384, 100), size(384, 0), size(384, 1), size(384, 4096)]).toEqual([64, 128, 1, 128]);
  });
});
