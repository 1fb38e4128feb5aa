import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { manifestSchema } from '../../schema/documents/dataset-manifest.ts';
import { openModelFile } from '../../schema/model-file.node.ts';
import { openData } from '../../src/cli/data.ts';
import type { OptionSpec } from '../../src/cli/option-spec.ts';
import { OPTIONS, type OptionKey, type OptionValues, SAMPLE_OPTIONS } from '../../src/cli/options.ts';
import { DIGITS, workspace } from './workspace.ts';

type SampleKey = (typeof SAMPLE_OPTIONS)[number];

/** `--input a=b` may be repeated; a manifest has a map of them. */
const fieldOf = (key: OptionKey): string => (key === 'input' ? 'inputs' : key);

/** What a manifest says that is no sample option: what it is, where the data is, what it should be. */
const OTHERS = ['format', 'version', 'description', 'data', 'signatures', 'labels', 'contentHash'];

describe('a manifest says all that flags say', () => {
  it('every flag has its field, and every field its flag', () => {
    const flags = SAMPLE_OPTIONS.map(fieldOf);
    expect(Object.keys(manifestSchema.shape).toSorted()).toEqual([...flags, ...OTHERS].toSorted());
    expect(OPTIONS).toHaveProperty('labels');
  });

  it('also for each signature apart', () => {
    const parse = (fields: object) =>
      manifestSchema.safeParse({ format: 'aeq-dataset', version: 1, signatures: { one: { data: 'a', ...fields } } });
    for (const [key, [, value]] of Object.entries(VALUES)) {
      if (key !== 'signature') expect(parse({ [fieldOf(key as SampleKey)]: value }).error, key).toBeUndefined();
    }
  });

  it('with the same values', () => {
    for (const key of SAMPLE_OPTIONS) {
      const spec: OptionSpec = OPTIONS[key];
      if (spec.kind !== 'choice') continue;
      const accepts = (value: string) =>
        manifestSchema.safeParse({ format: 'aeq-dataset', version: 1, data: 'a', [key]: value }).success;
      expect(spec.choices?.filter(accepts), key).toEqual(spec.choices);
      expect(accepts('another'), key).toBe(false);
    }
  });
});

/** Of each option: what a user gives as a flag, and what as a field. */
const VALUES: { readonly [K in SampleKey]: readonly [flag: NonNullable<OptionValues[K]>, field: unknown] } = {
  signature: ['serving_default', 'serving_default'],
  samples: [7, 7],
  seed: [3, 3],
  allowBad: [0.5, 0.5],
  preprocess: ['minus-one-one', 'minus-one-one'],
  mean: ['127,127,127', [127, 127, 127]],
  std: ['64', [64]],
  scale: [0.5, 0.5],
  layout: ['nhwc', 'nhwc'],
  resize: ['cubic', 'cubic'],
  crop: ['center', 'center'],
  size: ['28x28', [28, 28]],
  sampleRate: [8000, 8000],
  windows: ['all', 'all'],
  tokenizer: ['vocab.txt', 'vocab.txt'],
  maxLength: [3, 3],
  textField: ['1', '1'],
  input: [['image=pixels'], { image: 'pixels' }],
};

describe('the same said by flags and by a manifest', () => {
  /** The preprocessing that a data set comes to, or why it is refused. */
  async function outcome(options: OptionValues): Promise<unknown> {
    const file = openModelFile(join(DIGITS, 'digits_cnn.tflite'));
    try {
      const [dataset] = Object.values(await openData(file.model, options));
      const { preprocessing, contentHash } = dataset?.description ?? {};
      return { preprocessing, contentHash, length: dataset?.length, said: dataset?.valueRangeSaid };
    } catch (error) {
      return error instanceof Error ? error.message.replaceAll(/\S*\/\S*/g, 'DATA') : error;
    } finally {
      file.close();
    }
  }

  it.each(Object.entries(VALUES).filter(([key]) => key !== 'samples' && key !== 'seed'))(
    '--%s comes to the same',
    async (key, [flag, field]) => {
      const { path, write } = workspace(0);
      const data = join(DIGITS, 'calibration');
      const manifest = { format: 'aeq-dataset', version: 1, data, [fieldOf(key as SampleKey)]: field };
      write('set.dataset.json', JSON.stringify(manifest));
      const said = await outcome({ data: [data], [key]: flag });
      expect(await outcome({ data: [path('set.dataset.json')] })).toEqual(said);
    },
  );
});
