import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { readModel } from '../../schema/reader.ts';
import { algorithmSupport } from '../../src/algorithms/registry.ts';
import { type Collection, type GoldenCase, goldenCases } from './cases.ts';
import type { OriginalCalibration } from './original-ranges.ts';
import { quantizeWith } from './quantize-as-original.ts';
import { diffModels } from './tflite-diff.ts';

/** Algorithms whose results are the original's to the byte; the others only come close. */
const EXACT = new Set(['min_max_uniform_quantize', 'float_casting', 'no_quantize', 'OCTAV', 'MSE']);
/**
 * Algorithms that multiply matrices in float32, which in the original gives other last bits on other processors (its
 * results differ between the kernels of its own library): codes are the same, scales within 2e-6, or these units in
 * the last place.
 */
const CLOSE = new Map([['HADAMARD_ROTATION', 16]]);
const IMPLEMENTED = new Set<string>(['no_quantize', ...algorithmSupport.map(({ key }) => key)]);

/** The original failed before it quantized: its interpreter did not run the float model. */
const stoppedBefore = ({ error }: GoldenCase): boolean => error?.startsWith('RuntimeError: tflite/kernels') ?? false;

/** Our code for what the original says; undefined for a reason that we do not share. */
const sharedReason = ({ error = '' }: GoldenCase): string | undefined =>
  [
    { says: /Tensor name .* is not unique in the model/, code: 'NAMES_NOT_UNIQUE' },
    { says: /is not divisible by block size/, code: 'BLOCK_SIZE_MISMATCH' },
    {
      says: /Hadamard rotation (op supports float32 tensors|is only supported for weight)/,
      code: 'OPERATOR_UNSUPPORTED',
    },
  ].find(({ says }) => says.test(error))?.code;

const quantize = ({ model, recipe, calibration }: GoldenCase) =>
  quantizeWith({
    model: readModel(readFileSync(model)),
    recipe,
    compat: true,
    ...(calibration !== undefined && { calibration: calibration as OriginalCalibration }),
  });

function countEqual(collection: Collection): void {
  const cases = goldenCases(collection).filter(({ algorithms }) =>
    algorithms.every((key) => EXACT.has(key) || CLOSE.has(key)),
  );
  const counts = {
    equal: 0,
    'an error of both': 0,
    'not to be calibrated by the original': cases.filter(stoppedBefore).length,
  };
  if (cases.length === 0) console.log(`skipped: no ${collection} runs of the original are here`);

  describe.skipIf(cases.length === 0)(`${collection}: the bytes of the original`, () => {
    afterAll(() => {
      const later = goldenCases(collection).length - cases.length;
      console.log(`${collection}: ${JSON.stringify(counts)} of ${cases.length}; ${later} with other algorithms`);
    });

    it('covers every algorithm that is exact or close', () => {
      expect([...EXACT, ...CLOSE.keys()].filter((key) => !IMPLEMENTED.has(key))).toEqual([]);
    });

    it.each(cases.filter(({ expected }) => expected !== undefined))('$name is equal', (entry) => {
      const expected = readModel(readFileSync(entry.expected as string));
      const ulp = Math.max(...entry.algorithms.map((key) => CLOSE.get(key) ?? 0));
      expect(diffModels(expected, quantize(entry), { ulp })).toEqual([]);
      counts.equal++;
    });

    it.each(cases.filter((entry) => entry.error !== undefined && !stoppedBefore(entry)))(
      '$name is an error here as there, for the same reason',
      (entry) => {
        expect(() => quantize(entry)).toThrow(expect.objectContaining({ code: sharedReason(entry) ?? 'unknown' }));
        counts['an error of both']++;
      },
    );
  });
}

countEqual('golden');
countEqual('golden-real');
