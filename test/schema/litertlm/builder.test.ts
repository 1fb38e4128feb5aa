import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { layoutBytes } from '../../../schema/layout.ts';
import { modelType, readContainer } from '../../../schema/litertlm/container.ts';
import { layoutContainer } from '../../../schema/litertlm/layout.ts';
import { denseModel } from '../../support/models.ts';
import { oraclePython, skipUnless } from '../../support/shared.ts';
import { temporaryFolder } from '../../support/temporary.ts';

/** Builds a container of a model and a binary, as `in.litertlm` of the folder; dumps the sections of `out.litertlm`. */
const BUILD = `
import sys, litert_lm_builder as lm
builder = lm.LitertLmFileBuilder()
builder.add_system_metadata(lm.Metadata('count', -5, lm.DType.INT64))
builder.add_tflite_model('model.tflite', lm.TfLiteModelType.PREFILL_DECODE, backend_constraint='cpu')
builder.add_generic_binary_data('some.bin')
with open('in.litertlm', 'wb') as file:
    builder.build(file)
`;
const DUMP = `
import sys, litert_lm_builder as lm
lm.peek_litertlm_file('out.litertlm', 'dump', sys.stdout)
`;

const skipped = skipUnless(oraclePython, 'no Python with the container builder (AEQ_PYTHON)');

describe.skipIf(skipped)('the container builder of LiteRT-LM', () => {
  it('writes what we read and reads what we write', () => {
    const folder = temporaryFolder();
    const run = (script: string) =>
      execFileSync(oraclePython ?? '', ['-c', script], { cwd: folder, encoding: 'utf8', stdio: 'pipe' });
    const contents = [denseModel().bytes(), Uint8Array.from({ length: 30_000 }, (_, i) => i & 255)];
    ['model.tflite', 'some.bin'].forEach((name, i) => {
      writeFileSync(join(folder, name), contents[i] ?? '');
    });
    run(BUILD);
    const read = readContainer(readFileSync(join(folder, 'in.litertlm')));
    expect(read.sections.map(({ source }) => source.read(0, source.sizeBytes))).toEqual(contents);
    expect(read.sections.map(modelType)).toEqual(['tf_lite_prefill_decode', undefined]);
    expect(read.metadata[0]).toEqual({ key: 'count', value: { table: 'Int64', value: -5n } });

    writeFileSync(join(folder, 'out.litertlm'), layoutBytes(layoutContainer(read)));
    const printed = run(DUMP);
    expect(printed).toMatch(/Key: count, Value \(Int64\): -5/);
    expect(printed).toMatch(/Key: backend_constraint, Value \(String\): cpu/);
    const dumped = readdirSync(join(folder, 'dump')).filter((name) => name.startsWith('Section'));
    expect(dumped.sort().map((name) => new Uint8Array(readFileSync(join(folder, 'dump', name))))).toEqual(contents);
  });
});
