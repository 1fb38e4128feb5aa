import type { ByteSource } from '../codec/byte-source.ts';
import { encodeStructure } from '../codec/encode.ts';
import { LITERTLM } from '../generated/litertlm.ts';
import { type FileLayout, fileLayout, roundUp, type Segment } from '../layout.ts';
import { sourceConstant } from '../reader.ts';
import { type Container, FIXED_BYTES, SECTION_ALIGNMENT } from './container.ts';
import { MAGIC } from './magic.ts';

/** New content of a section: a source, or a file laid out but not written yet. */
export type SectionContent = ByteSource | FileLayout;

/**
 * Lays out a container, with the content of some sections replaced (by section index). Everything else stays: version,
 * metadata, items, types and order of the sections, in which they are also stored. The file ends with its last section,
 * and the bytes depend on nothing but the arguments.
 */
export function layoutContainer(
  container: Container,
  replaced: ReadonlyMap<number, SectionContent> = new Map(),
): FileLayout {
  const contents = container.sections.map((section, i) => replaced.get(i) ?? section.source);
  // The header's size does not depend on the offsets in it, as long as they are not 0, the default.
  const draft = headerBytes(
    container,
    contents.map(() => ({ begin: 1, end: 1 })),
  );
  const first = roundUp(Math.max(FIXED_BYTES + draft.length, container.headerSpaceBytes), SECTION_ALIGNMENT);
  let end = first;
  const places = contents.map((content) => {
    const begin = roundUp(end, SECTION_ALIGNMENT);
    end = begin + content.sizeBytes;
    return { begin, end };
  });
  const header = headerBytes(container, places);
  const start = fixedPart(container, header.length);
  const segments: Segment[] = [
    { offset: 0, sizeBytes: start.length, bytes: start },
    { offset: FIXED_BYTES, sizeBytes: header.length, bytes: header },
    ...contents.flatMap((content, i) => sectionSegments(content, places[i]?.begin ?? 0)),
  ];
  return fileLayout(segments, end);
}

function headerBytes(container: Container, places: readonly { begin: number; end: number }[]): Uint8Array {
  const objects = container.sections.map((section, i) => ({
    items: section.items,
    beginOffset: BigInt(places[i]?.begin ?? 0),
    endOffset: BigInt(places[i]?.end ?? 0),
    dataType: section.type,
  }));
  const header = { systemMetadata: { entries: container.metadata }, sectionMetadata: { objects } };
  return encodeStructure(LITERTLM, 'Header', header, '').bytes;
}

function fixedPart(container: Container, headerLength: number): Uint8Array {
  const bytes = new Uint8Array(FIXED_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode(MAGIC));
  container.version.forEach((part, i) => {
    view.setUint32(8 + 4 * i, part, true);
  });
  view.setBigUint64(24, BigInt(FIXED_BYTES + headerLength), true);
  return bytes;
}

function sectionSegments(content: SectionContent, begin: number): Segment[] {
  if ('segments' in content) return content.segments.map((segment) => ({ ...segment, offset: begin + segment.offset }));
  const { sizeBytes } = content;
  return sizeBytes === 0 ? [] : [{ offset: begin, sizeBytes, constant: sourceConstant(content, 0, sizeBytes) }];
}
