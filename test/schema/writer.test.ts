import { describe, expect, it } from 'vitest';
import type { Constant } from '../../schema/constant.ts';
import { readModel } from '../../schema/reader.ts';
import { layoutModel, modelBytes } from '../../schema/writer.ts';
import { ModelBuilder, randomFloats } from '../support/model-builder.ts';
import { denseModel } from '../support/models.ts';

/** Constants of 3, 4000, 17 and 9000 bytes. */
function mixedModel(): ModelBuilder {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  [3, 4000, 17, 9000].forEach((length, i) => {
    const bytes = Uint8Array.from({ length }, (_, k) => (k * 7 + i) & 255);
    main.constant(`c${i}`, [length], bytes);
  });
  return builder;
}

/** Size only: reading more than asked for fails, so that a test can use sizes beyond memory. */
function giant(sizeBytes: number, read: Constant['read'] = () => new Uint8Array(0)): Constant {
  return { sizeBytes, read };
}

describe('layout', () => {
  it('puts inline constants at multiples of 16 and external ones at multiples of 64', () => {
    const model = mixedModel().build();
    const starts = (buffers: 'inline' | 'external') =>
      layoutModel(model, { buffers }).segments.flatMap((segment) =>
        'constant' in segment ? [{ offset: segment.offset, sizeBytes: segment.sizeBytes }] : [],
      );
    for (const { offset } of starts('inline')) expect(offset % 16).toBe(0);
    const external = starts('external').filter(({ sizeBytes }) => sizeBytes >= 1024);
    expect(external).toHaveLength(2);
    for (const { offset } of external) expect(offset % 64).toBe(0);
  });

  it('keeps the file identifier and the root table in front', () => {
    const bytes = denseModel().bytes();
    expect(new TextDecoder().decode(bytes.subarray(4, 8))).toBe('TFL3');
    expect(new DataView(bytes.buffer).getUint32(0, true)).toBeLessThan(64);
  });

  it('gives segments in order that do not overlap, and chunks that make up exactly the file', () => {
    for (const buffers of ['inline', 'external'] as const) {
      const layout = layoutModel(mixedModel().build(), { buffers });
      let end = 0;
      for (const { offset, sizeBytes } of layout.segments) {
        expect(offset).toBeGreaterThanOrEqual(end);
        end = offset + sizeBytes;
      }
      expect(end).toBeLessThanOrEqual(layout.sizeBytes);
      const chunks = [...layout.chunks()].map((chunk) => chunk.slice());
      expect(Buffer.concat(chunks).equals(Buffer.from(modelBytes(mixedModel().build(), { buffers })))).toBe(true);
    }
  });

  it('gives the same bytes every time', () => {
    expect(mixedModel().bytes()).toEqual(mixedModel().bytes());
  });

  it('writes what it reads while constants are only asked for in pieces', () => {
    const builder = new ModelBuilder();
    const sizeBytes = 11_000_003;
    let most = 0;
    builder.subgraph().constant(
      'big',
      [sizeBytes],
      giant(sizeBytes, (start = 0, end = sizeBytes) => {
        most = Math.max(most, end - start);
        return Uint8Array.from({ length: end - start }, (_, i) => (start + i) % 251);
      }),
      { type: 'UINT8' },
    );
    const read = readModel(builder.bytes()).buffers[1];
    expect(read?.sizeBytes).toBe(sizeBytes);
    expect(read?.read(sizeBytes - 2)).toEqual(Uint8Array.of((sizeBytes - 2) % 251, (sizeBytes - 1) % 251));
    expect(most).toBeLessThanOrEqual(1 << 20);
  });
});

describe('models beyond 2 GiB', () => {
  const model = () => {
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    for (let i = 0; i < 5; i += 1) main.constant(`c${i}`, [2 ** 30], giant(2 ** 30));
    return builder.build();
  };

  it('are laid out with their constants behind the flatbuffer, with exact offsets', () => {
    const layout = layoutModel(model());
    expect(layout.sizeBytes).toBeGreaterThan(5 * 2 ** 30);
    expect(layout.segments.at(-1)?.offset).toBeGreaterThan(2 ** 32);
    expect((layout.segments.at(-1)?.offset ?? 1) % 64).toBe(0);
  });

  it('are refused inline and as one array', () => {
    expect(() => layoutModel(model(), { buffers: 'inline' })).toThrow(
      expect.objectContaining({ code: 'MODEL_TOO_LARGE' }),
    );
    expect(() => modelBytes(model())).toThrow(expect.objectContaining({ code: 'MODEL_TOO_LARGE' }));
  });
});

it('joins small pieces, so that many constants are few writes', () => {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  for (let i = 0; i < 2000; i += 1) main.constant(`c${i}`, [4], randomFloats(4, i + 1));
  const chunks = [...layoutModel(builder.build()).chunks()];
  expect(chunks.length).toBeLessThan(20);
  expectSameBytes(chunks, builder.bytes());
});

function expectSameBytes(chunks: readonly Uint8Array[], bytes: Uint8Array): void {
  expect(Buffer.concat(chunks).equals(Buffer.from(bytes))).toBe(true);
}
