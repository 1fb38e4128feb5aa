import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeStructure } from '../../schema/codec/encode.ts';
import { AeqError } from '../../schema/errors.ts';
import { TFLITE } from '../../schema/generated/tflite.ts';
import { cloneModel, compactBuffers, consumers, producers, signatures } from '../../schema/graph.ts';
import type { Model } from '../../schema/model.ts';
import { readModel } from '../../schema/reader.ts';
import { modelBytes } from '../../schema/writer.ts';
import { convolutionModel, denseModel, twoSignatureModel } from '../support/models.ts';

const DAMAGE = new Set(['MODEL_NOT_TFLITE', 'MODEL_TRUNCATED', 'MODEL_INVALID']);

/** Reads a damaged file: either an AeqError that says where, or a model that can be walked, copied and written. */
function readsOrRefuses(bytes: Uint8Array): Model | undefined {
  let model: Model;
  try {
    model = readModel(bytes, 'hostile.tflite');
  } catch (error) {
    if (!(error instanceof AeqError)) throw error;
    expect(DAMAGE).toContain(error.code);
    expect(error.where.file).toBe('hostile.tflite');
    const place = error.where.offset ?? error.where.subgraph ?? /signature/.test(error.message);
    if (error.code !== 'MODEL_NOT_TFLITE') expect(place).not.toBe(false);
    return undefined;
  }
  for (const subgraph of model.subgraphs) {
    producers(subgraph);
    consumers(subgraph);
  }
  signatures(model);
  for (const constant of model.buffers) expect(constant?.read().length).toBe(constant?.sizeBytes);
  readModel(modelBytes(compactBuffers(cloneModel(model))));
  return model;
}

const FILES: readonly (readonly [string, Uint8Array])[] = [
  ['dense', denseModel().bytes()],
  ['convolution', convolutionModel().bytes()],
  ['two signatures, buffers outside', twoSignatureModel().bytes({ buffers: 'external' })],
];

describe.each(FILES)('%s', (_name, bytes) => {
  it('cut off anywhere is refused', () => {
    // The last constant may end before the padding at the end of the file.
    const content = bytes.findLastIndex((value) => value !== 0);
    for (let length = 0; length <= content; length += 1) {
      expect(readsOrRefuses(bytes.subarray(0, length)), `${length} of ${bytes.length} bytes`).toBeUndefined();
    }
  });

  it('with any byte changed is refused or still a model', () => {
    for (let at = 0; at < bytes.length; at += 1) {
      for (const value of [0, 0xff, (bytes[at] ?? 0) ^ 4]) {
        const changed = bytes.slice();
        changed[at] = value;
        readsOrRefuses(changed);
      }
    }
  });

  it('with absurd 32-bit numbers anywhere is refused or still a model', () => {
    for (let at = 0; at + 4 <= bytes.length; at += 4) {
      for (const value of [0, 0x7fffffff, 0x80000000, 0xffffffff, bytes.length, at]) {
        const changed = bytes.slice();
        new DataView(changed.buffer).setUint32(at, value, true);
        readsOrRefuses(changed);
      }
    }
  });

  it('with random pieces overwritten by others is refused or still a model', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.integer({ min: 1, max: 64 }), (from, to, length) => {
        const changed = bytes.slice();
        changed.copyWithin(to % bytes.length, from % bytes.length, (from % bytes.length) + length);
        readsOrRefuses(changed);
      }),
      { numRuns: 1000, seed: 3 },
    );
  });
});

describe('files made to hurt', () => {
  /** A vector of `count` references that all point to the same table. */
  function sameTableManyTimes(count: number): Uint8Array {
    const { bytes } = encodeStructure(
      TFLITE,
      'Model',
      { subgraphs: Array.from({ length: count }, () => ({})) },
      'TFL3',
    );
    return bytes;
  }

  it('a table that contains itself', () => {
    const { bytes } = encodeStructure(TFLITE, 'Model', { subgraphs: [{ tensors: [{ variantTensors: [] }] }] }, 'TFL3');
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let refused = 0;
    // Whatever reference is bent to whatever table, reading ends.
    for (let at = 8; at + 4 <= bytes.length; at += 2) {
      const old = view.getUint32(at, true);
      for (let target = 8; target < bytes.length; target += 2) {
        view.setUint32(at, (target - at) >>> 0, true);
        if (!readsOrRefuses(bytes)) refused += 1;
      }
      view.setUint32(at, old, true);
    }
    expect(refused).toBeGreaterThan(0);
  });

  it('vectors that share their elements, level upon level', () => {
    // n subgraphs, each entry bent to the same one with n tensors, each bent to the same tensor with n variants.
    const n = 3000;
    const { bytes } = encodeStructure(
      TFLITE,
      'Model',
      {
        subgraphs: [
          {
            tensors: [
              { variantTensors: Array.from({ length: n }, () => ({})) },
              ...Array.from({ length: n }, () => ({})),
            ],
          },
          ...Array.from({ length: n }, () => ({})),
        ],
      },
      'TFL3',
    );
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 8; at + 4 * n < bytes.length; at += 4) {
      if (view.getUint32(at, true) !== n + 1) continue;
      const first = at + 4 + view.getUint32(at + 4, true);
      for (let i = 1; i <= n; i += 1) view.setUint32(at + 4 + 4 * i, first - (at + 4 + 4 * i), true);
    }
    const start = performance.now();
    expect(() => readModel(bytes)).toThrow(/more structure than the file can hold/);
    expect(performance.now() - start).toBeLessThan(5000);
  });

  it('small tables that honestly share one vtable are no attack', () => {
    expect(readModel(sameTableManyTimes(5000)).subgraphs).toHaveLength(5000);
  });

  it('constants outside the file, before its start and of absurd size', () => {
    const withBuffer = (offset: bigint, size: bigint) =>
      encodeStructure(TFLITE, 'Model', { buffers: [{}, { offset, size }] }, 'TFL3').bytes;
    const refused = expect.objectContaining({ code: 'MODEL_TRUNCATED' });
    expect(() => readModel(withBuffer(2n ** 63n, 4n))).toThrow(refused);
    expect(() => readModel(withBuffer(2n ** 64n - 1n, 2n ** 64n - 1n))).toThrow(refused);
    expect(() => readModel(withBuffer(16n, 2n ** 40n))).toThrow(refused);
    expect(readModel(withBuffer(16n, 8n)).buffers[1]?.read()).toHaveLength(8);
    // The mark of a writer that reserved the place and has not filled it in.
    expect(readModel(withBuffer(1n, 1n)).buffers[1]).toBeUndefined();
  });

  it('constants that overlap each other and the graph are still just bytes', () => {
    const buffers = Array.from({ length: 50 }, () => ({ offset: 8n, size: 100n }));
    const { bytes } = encodeStructure(TFLITE, 'Model', { buffers }, 'TFL3');
    expect(readsOrRefuses(bytes)?.buffers).toHaveLength(50);
  });

  it('out-of-line options that every operator shares are counted', () => {
    const operators = Array.from({ length: 2000 }, () => ({
      inputs: [],
      outputs: [],
      largeCustomOptionsOffset: 8n,
      largeCustomOptionsSize: 60_000n,
    }));
    const { bytes } = encodeStructure(TFLITE, 'Model', { operatorCodes: [{}], subgraphs: [{ operators }] }, 'TFL3');
    expect(() => readModel(bytes)).toThrow(/more structure than the file can hold/);
  });

  it('references inside the graph to what is not there', () => {
    const refused = (change: (model: Model) => void) => {
      const model = twoSignatureModel().build();
      change(model);
      expect(() => readModel(modelBytes(model))).toThrow(expect.objectContaining({ code: 'MODEL_INVALID' }));
    };
    const first = (model: Model) => model.subgraphs[0] ?? expect.fail('no subgraph');
    refused((model) => first(model).inputs.push(99));
    refused((model) => first(model).outputs.push(-1));
    refused((model) => first(model).tensors[1]?.shape?.push(2));
    refused((model) => Object.assign(first(model).tensors[1] ?? {}, { shape: [2 ** 31 - 1, 1] }));
    refused((model) => first(model).operators[0]?.outputs.splice(0, 1, 1));
    refused((model) => Object.assign(first(model).tensors[1] ?? {}, { shape: [-2, -4] }));
    refused((model) => first(model).operators[0]?.inputs.push(-2));
    refused((model) => first(model).operators[0]?.outputs.push(1000));
    refused((model) => model.operatorCodes.splice(0));
    refused((model) => model.buffers.splice(1));
    refused((model) => Object.assign(model.signatureDefs?.[0] ?? {}, { subgraphIndex: 7 }));
    refused((model) => model.signatureDefs?.[0]?.inputs.push({ name: 'x', tensorIndex: 77 }));
  });
});

describe('files that are no models say what they look like', () => {
  const text = (value: string) => new TextEncoder().encode(value);
  it.each([
    ['a JPEG', Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 16, 74, 70, 73, 70), /JPEG/],
    ['a PNG', Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10), /PNG/],
    ['a web page', text('\n<!DOCTYPE html><html>'), /web page/],
    ['a zip archive', text('PK\u0003\u0004........'), /zip/],
    ['a Git LFS pointer', text('version https://git-lfs.github.com/spec/v1\noid sha256:'), /git lfs pull/],
    ['a container', text('LITERTLM\u0001\u0000\u0000\u0000'), /litertlm/],
    ['a Keras file', Uint8Array.of(0x89, 0x48, 0x44, 0x46, 13, 10), /Keras/],
    ['an ONNX file', Uint8Array.of(8, 7, 18, 7, 112, 121, 116, 111, 114, 99, 104), /ONNX/],
    ['nothing', new Uint8Array(0), /it is empty/],
    ['four bytes', Uint8Array.of(1, 2, 3, 4), /no format known here/],
    ['zeros', new Uint8Array(1000), /no format known here/],
  ])('%s', (_name, bytes, message) => {
    expect(() => readModel(bytes, 'some.tflite')).toThrow(message);
    expect(() => readModel(bytes)).toThrow(expect.objectContaining({ code: 'MODEL_NOT_TFLITE' }));
  });
});
