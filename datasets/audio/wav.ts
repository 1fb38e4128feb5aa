import { AeqError } from '../../schema/errors.ts';
import { elementsIn, freshMemory, type SampleMemory } from '../sample-memory.ts';

/** Decoded sound: one array of values, -1 to 1 for integer formats, per channel, all equally long. */
export interface Sound {
  /** Values per second and channel. */
  readonly sampleRate: number;
  readonly channels: readonly Float32Array[];
}

const unreadable = (file: string, why: string, hint: string): AeqError =>
  new AeqError('DATASET_UNREADABLE', `${file} cannot be decoded as WAV: ${why}`, { where: { file }, hint });

const DAMAGED = 'the file is damaged or cut off';

const PCM = 1;
const FLOAT = 3;
const EXTENSIBLE = 0xfffe;
const MOST_CHANNELS = 256;

interface Format {
  /** PCM or FLOAT. */
  readonly code: number;
  readonly channels: number;
  readonly sampleRate: number;
  readonly bits: number;
}

/**
 * Reads a WAV file (RIFF or RF64): PCM of 8 (unsigned), 16, 24 and 32 bits, float of 32 and 64 bits, plain and extensible
 * headers. Integers are divided by half their range in double and rounded to float32; floats are taken as they are. A
 * length field that is missing (0 or -1, as programs write that stream) means up to the end.
 * @throws AeqError DATASET_UNREADABLE
 */
export function decodeWav(bytes: Uint8Array, file: string, memory: SampleMemory = freshMemory): Sound {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tag = (at: number): string => String.fromCharCode(...bytes.subarray(at, at + 4));
  if (bytes.length < 12 || !['RIFF', 'RF64'].includes(tag(0)) || tag(8) !== 'WAVE') {
    throw unreadable(file, 'it is no WAV file', 'convert it to WAV');
  }
  let format: Format | undefined;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const declared = view.getUint32(at + 4, true);
    const start = at + 8;
    if (tag(at) === 'fmt ') format = readFormat(view, start, declared, file);
    if (tag(at) === 'data') {
      if (!format) throw unreadable(file, 'its format comes after its data', DAMAGED);
      const open = declared === 0xffffffff || declared === 0;
      if (!open && start + declared > bytes.length) {
        throw unreadable(file, `its data should have ${declared} bytes, ${bytes.length - start} are there`, DAMAGED);
      }
      return readSound(view, start, open ? bytes.length : start + declared, format, memory);
    }
    at = start + declared + (declared & 1);
  }
  throw unreadable(file, 'it has no data', DAMAGED);
}

function readFormat(view: DataView, at: number, size: number, file: string): Format {
  if (size < 16 || at + size > view.byteLength) throw unreadable(file, 'its format is cut off', DAMAGED);
  const declared = view.getUint16(at, true);
  if (declared === EXTENSIBLE && size < 40) throw unreadable(file, 'its format is cut off', DAMAGED);
  // The first two bytes of the subformat's identifier are the code it extends.
  const code = declared === EXTENSIBLE ? view.getUint16(at + 24, true) : declared;
  const channels = view.getUint16(at + 2, true);
  const sampleRate = view.getUint32(at + 4, true);
  const bits = view.getUint16(at + 14, true);
  const known = code === PCM ? [8, 16, 24, 32].includes(bits) : code === FLOAT && [32, 64].includes(bits);
  if (!known) {
    throw unreadable(file, `format ${code} with ${bits} bits is not supported`, 'convert it to PCM of 16 bits');
  }
  if (channels === 0 || channels > MOST_CHANNELS || sampleRate === 0) {
    throw unreadable(file, `it claims ${channels} channels at ${sampleRate} Hz`, DAMAGED);
  }
  return { code, channels, sampleRate, bits };
}

function readSound(view: DataView, start: number, end: number, format: Format, memory: SampleMemory): Sound {
  const { code, channels, sampleRate, bits } = format;
  const valueBytes = bits / 8;
  const frames = Math.floor((end - start) / (valueBytes * channels));
  const read = reader(view, code, bits);
  const result = Array.from({ length: channels }, () => elementsIn(memory, Float32Array, frames));
  for (let frame = 0, at = start; frame < frames; frame++) {
    for (const channel of result) {
      channel[frame] = read(at);
      at += valueBytes;
    }
  }
  return { sampleRate, channels: result };
}

function reader(view: DataView, code: number, bits: number): (at: number) => number {
  if (code === FLOAT) return bits === 32 ? (at) => view.getFloat32(at, true) : (at) => view.getFloat64(at, true);
  switch (bits) {
    case 8:
      return (at) => (view.getUint8(at) - 128) / 128;
    case 16:
      return (at) => view.getInt16(at, true) / 32_768;
    case 24:
      return (at) => (view.getInt16(at + 1, true) * 256 + view.getUint8(at)) / 8_388_608;
    default:
      return (at) => view.getInt32(at, true) / 2_147_483_648;
  }
}
