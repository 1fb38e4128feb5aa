export interface WavOptions {
  code?: number;
  bits?: number;
  channels?: number;
  sampleRate?: number;
  extensible?: boolean;
  /** A chunk before the data. */
  extra?: boolean;
  dataSize?: number;
}

/** A WAV file around data bytes, as the RIFF specification lays it out. */
export function wav(data: Uint8Array, options: WavOptions = {}): Uint8Array {
  const {
    code = 1,
    bits = 16,
    channels = 1,
    sampleRate = 8000,
    extensible = false,
    extra = false,
    dataSize = data.length,
  } = options;
  const formatBytes = extensible ? 40 : 16;
  const extraBytes = extra ? 8 + 4 : 0;
  const bytes = new Uint8Array(12 + 8 + formatBytes + extraBytes + 8 + data.length);
  const view = new DataView(bytes.buffer);
  const tag = (at: number, text: string) => bytes.set(new TextEncoder().encode(text), at);
  tag(0, 'RIFF');
  view.setUint32(4, bytes.length - 8, true);
  tag(8, 'WAVEfmt ');
  view.setUint32(16, formatBytes, true);
  view.setUint16(20, extensible ? 0xfffe : code, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, (sampleRate * channels * bits) / 8, true);
  view.setUint16(32, (channels * bits) / 8, true);
  view.setUint16(34, bits, true);
  if (extensible) {
    view.setUint16(36, 22, true);
    view.setUint16(38, bits, true);
    view.setUint16(44, code, true);
  }
  let at = 20 + formatBytes;
  if (extra) {
    tag(at, 'LIST');
    // An odd size is padded to an even one.
    view.setUint32(at + 4, 3, true);
    at += 12;
  }
  tag(at, 'data');
  view.setUint32(at + 4, dataSize, true);
  bytes.set(data, at + 8);
  return bytes;
}
