import { type ByteSource, memorySource, rangeSource } from '../codec/byte-source.ts';
import { Cursor } from '../codec/cursor.ts';
import { decodeTable } from '../codec/decode.ts';
import { AeqError } from '../errors.ts';
import { type Header, type KeyValuePair, LITERTLM, type SectionObject, SectionType } from '../generated/litertlm.ts';
import { describeContent } from '../sniff.ts';
import { isContainer, MAGIC } from './magic.ts';

/**
 * A `.litertlm` container: the parts of a language model in one file. 32 fixed bytes (magic, version, end of the
 * header), a flatbuffer header that names the sections (schema/litertlm.fbs), then the sections, each starting at a
 * multiple of 16 KiB.
 */
export interface Container {
  /** Major, minor and patch version of the format. */
  readonly version: readonly [major: number, minor: number, patch: number];
  /** Facts about the whole file, such as `uuid` and `creation_timestamp`. */
  readonly metadata: readonly KeyValuePair[];
  readonly sections: readonly Section[];
  /** Where the first section starts: room for a header that somebody may want to extend in place. */
  readonly headerSpaceBytes: number;
}

export interface Section {
  /** Facts about the section, such as `model_type`. */
  readonly items: readonly KeyValuePair[];
  /** One of SectionType, or a newer one. */
  readonly type: number;
  /** The content, offsets from its own start: what readModel takes. */
  readonly source: ByteSource;
}

/** Bytes before the header flatbuffer. */
export const FIXED_BYTES = 32;
/** Sections start at multiples of this. */
export const SECTION_ALIGNMENT = 16384;

/**
 * Reads the header of a container; sections stay ranges of the source. `file` is the name for error messages.
 * @throws AeqError CONTAINER_INVALID (no container, or of a newer major version), MODEL_TRUNCATED, MODEL_INVALID.
 */
export function readContainer(input: ByteSource | Uint8Array, file?: string): Container {
  const source = input instanceof Uint8Array ? memorySource(input) : input;
  const { version, headerEnd } = readFixedPart(source, file);
  // Offsets stay those of the file, but the header may not reach into what follows it.
  const cursor = new Cursor(rangeSource(source, 0, headerEnd), LITERTLM, file);
  const root = cursor.follow(FIXED_BYTES, 'header');
  const header = decodeTable(cursor, 'Header', root, (_table, _field, start, length) =>
    source.read(start, length),
  ) as Header;
  const objects = header.sectionMetadata?.objects ?? [];
  const sections = objects.map((object, i) => readSection(object, i, source, cursor, headerEnd));
  checkOverlaps(objects, cursor);
  const begins = objects.filter(isUsed).map(({ beginOffset }) => Number(beginOffset));
  return {
    version,
    metadata: header.systemMetadata?.entries ?? [],
    sections,
    headerSpaceBytes: begins.length > 0 ? Math.min(...begins) : SECTION_ALIGNMENT,
  };
}

/** The text of an entry such as `model_type`; undefined where it is not there or no text. */
export function textItem(items: readonly KeyValuePair[], key: string): string | undefined {
  const value = items.find((item) => item.key === key)?.value;
  return value?.table === 'StringValue' ? value.value : undefined;
}

/** What a model section is for, such as `tf_lite_prefill_decode`. */
export function modelType(section: Section): string | undefined {
  return section.type === SectionType.TFLITE_MODEL ? textItem(section.items, 'model_type') : undefined;
}

function readFixedPart(
  source: ByteSource,
  file: string | undefined,
): Pick<Container, 'version'> & { headerEnd: number } {
  const where = file === undefined ? {} : { file };
  const name = file ?? 'the input';
  if (!isContainer(source)) {
    const content = describeContent(source.view(0, Math.min(64, source.sizeBytes)));
    throw new AeqError('CONTAINER_INVALID', `${name} is not a .litertlm container: ${content}`, {
      where,
      hint: `a container starts with the letters ${MAGIC}`,
    });
  }
  const cursor = new Cursor(source, LITERTLM, file);
  const view = cursor.dataView(0, FIXED_BYTES, 'the start of the container');
  const version = [8, 12, 16].map((at) => view.getUint32(at, true)) as [number, number, number];
  if (version[0] > 1) {
    throw new AeqError(
      'CONTAINER_INVALID',
      `${name} is a container of version ${version.join('.')}; this program knows version 1`,
      {
        where: { ...where, offset: 8 },
        hint: 'use a newer version of aeq',
      },
    );
  }
  const headerEnd = Number(view.getBigUint64(24, true));
  if (headerEnd < FIXED_BYTES + 4) throw cursor.damage('MODEL_INVALID', `the header ends at ${headerEnd}`, 24);
  cursor.check(0, headerEnd, 'the header');
  return { version, headerEnd };
}

/** Sections without bytes may lie anywhere. */
const isUsed = (object: SectionObject) => object.endOffset > object.beginOffset;

function readSection(object: SectionObject, i: number, source: ByteSource, cursor: Cursor, headerEnd: number): Section {
  const begin = Number(object.beginOffset);
  const end = Number(object.endOffset);
  if (end < begin) throw cursor.damage('MODEL_INVALID', `section ${i} ends at ${end}, before its start`, begin);
  if (isUsed(object)) {
    if (begin < headerEnd) throw cursor.damage('MODEL_INVALID', `section ${i} overlaps the header`, begin);
    if (end > source.sizeBytes) {
      throw cursor.damage(
        'MODEL_TRUNCATED',
        `section ${i} ends at ${end} in a file of ${source.sizeBytes} bytes`,
        begin,
      );
    }
  }
  return {
    items: object.items ?? [],
    type: object.dataType,
    source: rangeSource(source, begin, end - begin),
  };
}

function checkOverlaps(objects: readonly SectionObject[], cursor: Cursor): void {
  const used = objects.filter(isUsed).sort((a, b) => Number(a.beginOffset) - Number(b.beginOffset));
  let end = 0n;
  for (const { beginOffset, endOffset } of used) {
    if (beginOffset < end) throw cursor.damage('MODEL_INVALID', 'two sections overlap', Number(beginOffset));
    end = endOffset;
  }
}
