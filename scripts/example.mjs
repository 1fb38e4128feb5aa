// The main job on the bundled model and pictures: calibrate, quantize to int8, validate, all through the command line.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const samples = join('datasets', 'samples', 'digits');
const model = join(samples, 'digits_cnn.tflite');
const folder = mkdtempSync(join(tmpdir(), 'aeq-example-'));
const calibration = join(folder, 'calibration.json');
const quantized = join(folder, 'digits_cnn_int8.tflite');

/** Runs a command as a user would type it and shows it. */
function aeq(...args) {
  console.log(`\n$ aeq ${args.map((arg) => arg.replace(folder, '.')).join(' ')}`);
  execFileSync(process.execPath, [join('dist', 'src', 'cli', 'main.js'), ...args], { cwd: root, stdio: 'inherit' });
}

try {
  aeq('calibrate', model, '--data', join(samples, 'calibration'), '-o', calibration);
  aeq('quantize', model, '--static', 'int8', '--calibration', calibration, '-o', quantized);
  const labels = join(samples, 'test', 'labels.csv');
  aeq('validate', model, quantized, '--data', join(samples, 'test'), '--labels', labels, '--fail-on', 'top1.drop>0.01');
  const [before, after] = [join(root, model), quantized].map((file) => statSync(file).size);
  console.log(`\nfloat ${before} bytes, int8 ${after} bytes: ${(before / after).toFixed(2)} times smaller`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
