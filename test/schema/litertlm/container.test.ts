import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memorySource } from '../../../schema/codec/byte-source.ts';
import { openFileSource } from '../../../schema/file-source.node.ts';
import { type HeaderValue, SectionType } from '../../../schema/generated/litertlm.ts';
import { layoutBytes } from '../../../schema/layout.ts';
import { type Container, modelType, readContainer, textItem } from '../../../schema/litertlm/container.ts';
import { derivedUuid, renewIdentity } from '../../../schema/litertlm/identity.node.ts';
import { layoutContainer } from '../../../schema/litertlm/layout.ts';
import { readModel } from '../../../schema/reader.ts';
import { layoutModel } from '../../../schema/writer.ts';
import { container, containerBytes, section, textEntry } from '../../support/containers.ts';
import { ModelBuilder } from '../../support/model-builder.ts';
import { denseModel, twoSignatureModel } from '../../support/models.ts';
import { expectSameModel } from '../../support/same-model.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const noise = (length: number, factor = 7) => Uint8Array.from({ length }, (_, i) => (i * factor + 3) & 255);
const contents = (of: Container) => of.sections.map(({ source }) => source.read(0, source.sizeBytes));
const described = (of: Container) => of.sections.map(({ items, type }) => ({ items, type }));

const example = () =>
  container(
    section('TFLITE_MODEL', denseModel().bytes(), 'tf_lite_embedder'),
    section('SENTENCE_PIECE_TOKENIZER', noise(20_000)),
    section('LLM_METADATA', new Uint8Array(0)),
    section('TFLITE_MODEL', twoSignatureModel().bytes({ buffers: 'external' }), 'tf_lite_prefill_decode'),
  );

describe('writing and reading', () => {
  it('gives back every fact and every byte, sections at multiples of 16 KiB, nothing behind the last', () => {
    const layout = layoutContainer(example());
    const bytes = layoutBytes(layout);
    const read = readContainer(bytes);
    expect(read.version).toEqual([1, 7, 0]);
    expect(read.metadata).toEqual(example().metadata);
    expect(described(read)).toEqual(described(example()));
    expect(contents(read)).toEqual(contents(example()));
    expect(read.sections.map(modelType)).toEqual(['tf_lite_embedder', undefined, undefined, 'tf_lite_prefill_decode']);
    expect(bytes.length).toBe(65536 + (example().sections[3]?.source.sizeBytes ?? 0));
    expect(layoutBytes(layoutContainer(read))).toEqual(bytes);
  });

  it('reads a container that the flatbuffers package made, with sections stored in another order', () => {
    const model = denseModel().bytes();
    const bytes = containerBytes(
      [
        { begin: 49152, end: 49152 + model.length, type: SectionType.TFLITE_MODEL, modelType: 'tf_lite_aux' },
        { begin: 16384, end: 16384 + 100, type: SectionType.GENERIC_BINARY },
      ],
      65536,
      [
        [16384, noise(100)],
        [49152, model],
      ],
    );
    const read = readContainer(bytes, 'model.litertlm');
    expect(read.version).toEqual([1, 5, 0]);
    expect(textItem(read.metadata, 'uuid')).toBe('abc');
    expect(read.sections.map(modelType)).toEqual(['tf_lite_aux', undefined]);
    expectSameModel(readModel(read.sections[0]?.source ?? memorySource(new Uint8Array(0))), denseModel().build());
    const again = readContainer(layoutBytes(layoutContainer(read)));
    expect(again.version).toEqual([1, 5, 0]);
    expect(contents(again)).toEqual([model, noise(100)]);
  });

  it('keeps values of every kind', () => {
    const values: HeaderValue[] = [
      { table: 'UInt8', value: 255 },
      { table: 'Int8', value: -128 },
      { table: 'UInt16', value: 65535 },
      { table: 'Int16', value: -32768 },
      { table: 'UInt32', value: 2 ** 32 - 1 },
      { table: 'Int32', value: -(2 ** 31) },
      { table: 'Float32', value: 0.5 },
      { table: 'Bool', value: true },
      { table: 'StringValue', value: 'größe' },
      { table: 'UInt64', value: 2n ** 64n - 1n },
      { table: 'Int64', value: -(2n ** 63n) },
      { table: 'Double', value: 0.1 },
    ];
    const metadata = values.map((value, i) => ({ key: `entry ${i}`, value }));
    expect(readContainer(layoutBytes(layoutContainer({ ...example(), metadata }))).metadata).toEqual(metadata);
  });

  it('moves the sections when the header outgrows its room, the fixed bytes counted', () => {
    // Around the limit, byte by byte: the header of a wrong count would overlap the first section.
    for (let length = 15_900; length < 16_200; length += 1) {
      const large = {
        ...container(section('GENERIC_BINARY', noise(10))),
        metadata: [textEntry('k', 'x'.repeat(length))],
      };
      const { segments } = layoutContainer(large);
      const [start, header, content] = segments;
      expect((start?.sizeBytes ?? 0) + (header?.sizeBytes ?? 0)).toBeLessThanOrEqual(content?.offset ?? 0);
    }
    const large = { ...example(), metadata: [textEntry('k', 'x'.repeat(100_000))] };
    expect(contents(readContainer(layoutBytes(layoutContainer(large))))).toEqual(contents(example()));
  });

  it('keeps the room that the source had for its header', () => {
    const roomy = { ...example(), headerSpaceBytes: 65536 };
    expect(readContainer(layoutBytes(layoutContainer(roomy))).headerSpaceBytes).toBe(65536);
  });

  it('has a form for a container without sections', () => {
    expect(readContainer(layoutBytes(layoutContainer(container()))).sections).toEqual([]);
  });
});

describe('replacing sections', () => {
  it('streams a laid out model into its place and leaves the others byte for byte', () => {
    const file = join(temporaryFolder(), 'in.litertlm');
    writeFileSync(file, layoutBytes(layoutContainer(example())));
    const source = openFileSource(file);
    const read = readContainer(source, file);
    const larger = new ModelBuilder();
    larger.subgraph().constant('c', [90_000], noise(90_000));
    const result = readContainer(
      layoutBytes(layoutContainer(read, new Map([[0, layoutModel(larger.build(), { buffers: 'external' })]]))),
    );
    source.close();
    expect(described(result)).toEqual(described(example()));
    expect(contents(result).slice(1)).toEqual(contents(example()).slice(1));
    const replaced = readModel(result.sections[0]?.source ?? memorySource(new Uint8Array(0)));
    expectSameModel(replaced, larger.build());
  });

  it('gives the sections that replace others the right bytes, whatever their sizes', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(40_000), fc.option(fc.nat(40_000))), { maxLength: 6 }), (sizes) => {
        const before = container(...sizes.map(([size]) => section('GENERIC_BINARY', noise(size))));
        const entries = sizes.flatMap(([, size], i) =>
          size === null ? [] : [[i, memorySource(noise(size, 11))] as const],
        );
        const after = readContainer(layoutBytes(layoutContainer(before, new Map(entries))));
        const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
        expect(contents(after).map(hash)).toEqual(
          sizes.map(([size, changed]) => hash(changed === null ? noise(size) : noise(changed, 11))),
        );
      }),
      { numRuns: 30, seed: 1 },
    );
  });
});

describe('identity', () => {
  it('is new and the same for the same change; the time of creation and the order stay', () => {
    const first = renewIdentity(example(), 'recipe a');
    expect(first.metadata.map(({ key }) => key)).toEqual(['uuid', 'creation_timestamp']);
    expect(first.metadata[1]).toEqual(example().metadata[1]);
    const uuid = (of: Container) => textItem(of.metadata, 'uuid');
    expect(uuid(first)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(uuid(first)).not.toBe(uuid(example()));
    expect(uuid(renewIdentity(example(), 'recipe a'))).toBe(uuid(first));
    expect(uuid(renewIdentity(example(), 'recipe b'))).not.toBe(uuid(first));
    expect(renewIdentity({ ...example(), metadata: [] }, 'x').metadata).toHaveLength(1);
    expect(derivedUuid('a')).not.toBe(derivedUuid('b'));
  });
});
