import { Builder } from 'flatbuffers';
import { memorySource } from '../../schema/codec/byte-source.ts';
import { type KeyValuePair, SectionType } from '../../schema/generated/litertlm.ts';
import type { Container, Section } from '../../schema/litertlm/container.ts';

/** An entry with a text. */
export function textEntry(key: string, value: string): KeyValuePair {
  return { key, value: { table: 'StringValue', value } };
}

/** A section from its bytes; model sections get a `model_type`. */
export function section(type: keyof typeof SectionType, bytes: Uint8Array, modelType?: string): Section {
  const items = modelType === undefined ? [] : [textEntry('model_type', modelType)];
  return { items, type: SectionType[type], source: memorySource(bytes) };
}

/** A container with the given sections, and the metadata that every container has. */
export function container(...sections: Section[]): Container {
  return {
    version: [1, 7, 0],
    metadata: [
      textEntry('uuid', '00000000-0000-4000-8000-000000000000'),
      textEntry('creation_timestamp', '2025-01-01T00:00:00.000000+00:00'),
    ],
    sections,
    headerSpaceBytes: 16384,
  };
}

/** What `containerBytes` is told of a section: its place is free, so that a test can also put it where it must not be. */
export interface RawSection {
  readonly begin: number;
  readonly end: number;
  readonly type: number;
  readonly modelType?: string;
}

/**
 * A container file made with the `flatbuffers` package, independent of our writer: header over the given sections, then
 * `sizeBytes` in all with `content` set at the offsets given.
 */
export function containerBytes(
  sections: readonly RawSection[],
  sizeBytes: number,
  content: readonly (readonly [offset: number, bytes: Uint8Array])[],
): Uint8Array {
  const header = rawHeader(sections);
  const file = new Uint8Array(sizeBytes);
  const view = new DataView(file.buffer);
  file.set(new TextEncoder().encode('LITERTLM'));
  view.setUint32(8, 1, true);
  view.setUint32(12, 5, true);
  view.setBigUint64(24, BigInt(32 + header.length), true);
  file.set(header, 32);
  for (const [offset, bytes] of content) file.set(bytes, offset);
  return file;
}

function rawHeader(sections: readonly RawSection[]): Uint8Array {
  const builder = new Builder(256);
  const objects = sections.map(({ begin, end, type, modelType }) => {
    const items = offsets(builder, modelType === undefined ? [] : [pair(builder, 'model_type', modelType)]);
    builder.startObject(4);
    builder.addFieldOffset(0, items, 0);
    builder.addFieldInt64(1, BigInt(begin), 0n);
    builder.addFieldInt64(2, BigInt(end), 0n);
    builder.addFieldInt8(3, type, 0);
    return builder.endObject();
  });
  const sectionMetadata = oneField(builder, offsets(builder, objects));
  const systemMetadata = oneField(builder, offsets(builder, [pair(builder, 'uuid', 'abc')]));
  builder.startObject(2);
  builder.addFieldOffset(0, systemMetadata, 0);
  builder.addFieldOffset(1, sectionMetadata, 0);
  builder.finish(builder.endObject());
  return builder.asUint8Array();
}

function offsets(builder: Builder, values: readonly number[]): number {
  builder.startVector(4, values.length, 4);
  for (const value of [...values].reverse()) builder.addOffset(value);
  return builder.endVector();
}

function oneField(builder: Builder, offset: number): number {
  builder.startObject(1);
  builder.addFieldOffset(0, offset, 0);
  return builder.endObject();
}

/** KeyValuePair with a StringValue (union member 9). */
function pair(builder: Builder, key: string, value: string): number {
  const text = oneField(builder, builder.createString(value));
  const name = builder.createString(key);
  builder.startObject(3);
  builder.addFieldOffset(0, name, 0);
  builder.addFieldInt8(1, 9, 0);
  builder.addFieldOffset(2, text, 0);
  return builder.endObject();
}
