/** Files people mistake for models, by their first bytes (latin-1 text). */
const KINDS: readonly (readonly [RegExp, string])[] = [
  [/^\u00ff\u00d8\u00ff/, 'it looks like a JPEG picture'],
  [/^\u0089PNG/, 'it looks like a PNG picture'],
  [/^RIFF....WEBP/s, 'it looks like a WebP picture'],
  [/^RIFF/, 'it looks like a WAV sound'],
  [/^PK\u0003\u0004/, 'it looks like a zip archive: unpack it first'],
  [/^\u001f\u008b/, 'it looks like a gzip archive: unpack it first'],
  [/^version https:\/\/git-lfs/, 'it is a Git LFS pointer: run git lfs pull'],
  [/^\s*<(!doctype|html)/i, 'it looks like a web page: the download may have failed'],
  [/^\u0089HDF/, 'it looks like a Keras HDF5 model: convert it to .tflite first'],
  [/^\u0093NUMPY/, 'it looks like a NumPy array'],
  [/^LITERTLM/, 'it is a .litertlm container'],
  [/^....TOCO/s, 'it looks like a very old TensorFlow Lite file (before TFL3)'],
  [/^\s*[{[]/, 'it looks like JSON'],
  [/^\u0008[\u0001-\u0012]/, 'it looks like an ONNX or protobuf file: convert it to .tflite first'],
];

/** Says in a few words what a file that is no model seems to be. */
export function describeContent(head: Uint8Array): string {
  if (head.length === 0) return 'it is empty';
  const text = new TextDecoder('latin1').decode(head);
  return KINDS.find(([pattern]) => pattern.test(text))?.[1] ?? 'its first bytes are those of no format known here';
}
