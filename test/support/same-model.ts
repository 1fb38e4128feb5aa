import { expect } from 'vitest';
import type { Model } from '../../schema/model.ts';

/** Expects two models to be equal in every field and every byte of their constants. */
export function expectSameModel(actual: Model, expected: Model): void {
  const { buffers: actualBuffers, associatedFiles: actualFiles, ...actualGraph } = actual;
  const { buffers: expectedBuffers, associatedFiles: expectedFiles, ...expectedGraph } = expected;
  expect(actualFiles?.read()).toEqual(expectedFiles?.read());
  expect(actualGraph).toEqual(expectedGraph);
  expect(actualBuffers.map((constant) => constant?.sizeBytes)).toEqual(
    expectedBuffers.map((constant) => constant?.sizeBytes),
  );
  actualBuffers.forEach((constant, i) => {
    const expectedBytes = expectedBuffers[i]?.read() ?? new Uint8Array(0);
    // Comparing megabytes with toEqual takes minutes.
    if (Buffer.compare(constant?.read() ?? new Uint8Array(0), expectedBytes) !== 0) {
      expect.fail(`buffer ${i} differs`);
    }
  });
}
