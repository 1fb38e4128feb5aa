import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openModel } from '../../../calibration/capture/open-model.ts';
import { HostMemory } from '../../../calibration/runtime/host-memory.ts';
import { openNativeRuntime } from '../../../calibration/runtime/native-open.node.ts';
import { openRuntime } from '../../../calibration/runtime/open.node.ts';
import { randomSource } from '../../support/model-builder.ts';
import { convolutionModel } from '../../support/models.ts';
import { hasNative } from './available.ts';
import { numbersOf, randomFeed } from './feeds.ts';
import { runtimeSuite } from './suite.ts';

describe.skipIf(!hasNative)('with the C library', () => {
  runtimeSuite('native', () => openNativeRuntime());
});

describe('the native interpreter', () => {
  const refused = (library: string) => expect(openNativeRuntime({ library })).rejects;

  it('refuses a file that is not there, or is no library', async () => {
    const where = { file: '/nowhere/libLiteRt.so' };
    await refused(where.file).toMatchObject({ code: 'RUNTIME_UNAVAILABLE', where });
    const folder = mkdtempSync(join(tmpdir(), 'aeq-test-'));
    const text = join(folder, 'libLiteRt.so');
    writeFileSync(text, 'no library');
    await refused(text).toMatchObject({
      code: 'RUNTIME_UNAVAILABLE',
      message: expect.stringContaining('cannot be loaded'),
    });
    rmSync(folder, { recursive: true });
  });

  it('is an error where it was named and cannot be used, also for auto', async () => {
    const options = { library: '/nowhere/libLiteRt.so' };
    await expect(openRuntime('native', options)).rejects.toMatchObject({ code: 'RUNTIME_UNAVAILABLE' });
    await expect(openRuntime('auto', options)).rejects.toMatchObject({ code: 'RUNTIME_UNAVAILABLE' });
  });

  it.skipIf(!hasNative)('is what auto takes, and uses the threads it is given', async () => {
    const runtime = await openRuntime('auto');
    expect(runtime.id).toBe('native');
    const results = [];
    for (const threads of [1, 3]) {
      const session = await openModel(runtime, convolutionModel().build(), { threads });
      const [signature] = session.signatures;
      if (!signature) throw new Error('no signature');
      const [scores] = await session.run(0, randomFeed(signature, 4));
      results.push(scores && numbersOf(scores, session.memory));
      session.close();
    }
    expect(results[1]).toEqual(results[0]);
    runtime.close();
  });

  it.skipIf(!hasNative)('keeps the memory where it is when it grows', async () => {
    const runtime = await openRuntime('native');
    const session = await openModel(runtime, convolutionModel().build());
    const [signature] = session.signatures;
    if (!signature) throw new Error('no signature');
    const run = async () => {
      const [scores] = await session.run(0, randomFeed(signature, 4));
      return scores && numbersOf(scores, session.memory);
    };
    const before = await run();
    const block = session.allocate(300_000_000);
    expect(await run()).toEqual(before);
    session.free(block);
    session.close();
    runtime.close();
  });
});

describe('memory for an interpreter outside of wasm', () => {
  it('gives blocks that do not overlap, and joins what comes back', () => {
    const host = new HostMemory();
    const next = randomSource(3);
    const taken = new Map<number, number>();
    for (let step = 0; step < 2000; step += 1) {
      const [first] = taken.keys();
      if (next() < 0.5 && first !== undefined) {
        taken.delete(first);
        host.free(first);
        continue;
      }
      const sizeBytes = Math.floor(next() ** 4 * 1_000_000);
      const address = host.allocate(sizeBytes);
      expect(address % 64).toBe(0);
      for (const [other, size] of taken) expect(address + sizeBytes <= other || other + size <= address).toBe(true);
      taken.set(address, sizeBytes);
    }
    for (const address of taken.keys()) host.free(address);
    const { byteLength } = host.memory.buffer;
    host.allocate(byteLength - 1000);
    expect(host.memory.buffer.byteLength).toBe(byteLength);
  });

  it('says so when there is no more', () => {
    expect(() => new HostMemory().allocate(5e9)).toThrow(expect.objectContaining({ code: 'RUNTIME_OUT_OF_MEMORY' }));
  });
});
