import { expect, it } from 'vitest';
import { describeRuntimes } from '../../../calibration/runtime/describe.node.ts';

it('says of every interpreter whether it is here, and how fast, or why not', async () => {
  const found = await describeRuntimes({ library: '/nowhere/libLiteRt.so' });
  expect(found.map(({ id, available }) => [id, available])).toEqual([
    ['native', false],
    ['wasm', true],
    ['tfjs-tflite', true],
  ]);
  expect(found[0]).toMatchObject({ reason: expect.stringContaining('/nowhere'), hint: expect.any(String) });
  const [, wasm] = found;
  if (!wasm?.available) throw new Error('the embedded interpreter is always here');
  expect(wasm.version).toContain('@litertjs/core');
  expect(wasm.runMs).toBeGreaterThan(0);
  expect(wasm.startMs).toBeGreaterThan(0);
});
