import { describe, expect, it } from 'vitest';
import { openNativeRuntime } from '../../../calibration/runtime/native-open.node.ts';
import { hasNative } from './available.ts';
import { runtimeSuite } from './suite.ts';

describe.skipIf(!hasNative)('with the C library', () => {
  runtimeSuite('native', () => openNativeRuntime());
});

describe('the native interpreter', () => {
  it('refuses a file that is not there, or is no library, or another one', async () => {
    const refused = (path: string) => expect(openNativeRuntime({ library: path })).rejects;
    await refused('/nowhere/libLiteRt.so').toMatchObject({ code: 'RUNTIME_UNAVAILABLE', where: { file: /nowhere/ } });
  });
});
