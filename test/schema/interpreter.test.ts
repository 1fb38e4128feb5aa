import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openModelFile, writeModelFile } from '../../schema/model-file.node.ts';
import { oraclePython, sharedPath, skipUnless } from '../support/shared.ts';
import { temporaryFolder } from '../support/temporary.ts';

/** Runs pairs of files on the same input and prints the pairs whose outputs differ in a bit. */
const COMPARE = `
import sys, numpy as np
from ai_edge_litert.interpreter import Interpreter
from ai_edge_litert import schema_py_generated as schema
def run(path):
    flat = open(path, 'rb').read()
    schema.ModelT.InitFromObj(schema.Model.GetRootAs(flat, 0))
    interpreter = Interpreter(path)
    interpreter.allocate_tensors()
    generator = np.random.default_rng(1)
    for detail in interpreter.get_input_details():
        value = generator.random(detail['shape']) * 10
        interpreter.set_tensor(detail['index'], value.astype(detail['dtype']))
    interpreter.invoke()
    return [interpreter.get_tensor(detail['index']) for detail in interpreter.get_output_details()]
for first, second in zip(sys.argv[1::2], sys.argv[2::2]):
    a, b = run(first), run(second)
    same = len(a) == len(b) and all(np.array_equal(x, y, equal_nan=x.dtype.kind == 'f') for x, y in zip(a, b))
    print('same' if same else 'differs', first)
`;

const names = ['digits_cnn', 'efficientnet_lite0', 'digits_unet', 'decoder_tiny', 'face_landmark', 'digits_vit'];
const models = names.flatMap((name) => sharedPath('models', `${name}.tflite`) ?? []);
const available = oraclePython !== undefined && models.length > 0;

describe.skipIf(skipUnless(available, 'no Python with LiteRT (AEQ_PYTHON) or no shared models'))('LiteRT', () => {
  it.each(['inline', 'external'] as const)('computes the same from what we write, buffers %s', (buffers) => {
    const folder = temporaryFolder();
    const pairs = models.flatMap((file, i) => {
      const opened = openModelFile(file);
      const copy = join(folder, `${i}.tflite`);
      writeModelFile(copy, opened.model, { buffers });
      opened.close();
      return [file, copy];
    });
    const output = execFileSync(oraclePython ?? '', ['-c', COMPARE, ...pairs], { encoding: 'utf8', stdio: 'pipe' });
    expect(output.trim().split('\n')).toEqual(models.map((file) => `same ${file}`));
  });
});
