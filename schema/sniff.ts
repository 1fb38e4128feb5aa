/** Files people mistake for models, by their first bytes: hexadecimal, where `.` stands for any digit. */
const BINARY_KINDS: readonly (readonly [prefix: string, description: string])[] = [
  ['ffd8ff', 'it looks like a JPEG picture'],
  ['89504e47', 'it looks like a PNG picture'],
  ['52494646........57454250', 'it looks like a WebP picture'],
  ['52494646', 'it looks like a WAV sound'],
  ['504b0304', 'it looks like a zip archive: unpack it first, or convert it if it is a Keras or PyTorch model'],
  ['1f8b', 'it looks like a gzip archive: unpack it first'],
  ['89484446', 'it looks like a Keras HDF5 model: convert it to .tflite first'],
  ['934e554d5059', 'it looks like a NumPy array'],
  ['47475546', 'it looks like a GGUF model: aeq reads .tflite models'],
  ['4c49544552544c4d', 'it is a .litertlm container, which only inspect, quantize and recipe explain take'],
  ['080.', 'it looks like an ONNX or protobuf file: convert it to .tflite first'],
  ['........54464c33', 'it is a .tflite model'],
  ['........544f434f', 'it looks like a very old TensorFlow Lite file (before TFL3)'],
];

/** The same for text. */
const TEXT_KINDS: readonly (readonly [RegExp, string])[] = [
  [/^version https:\/\/git-lfs/, 'it is a Git LFS pointer: run git lfs pull'],
  [/^\W*<(!doctype|html)/i, 'it looks like a web page: the download may have failed'],
  [/^\s*[{[]/, 'it looks like JSON'],
];

/** Says in a few words what a file that is no model seems to be. */
export function describeContent(head: Uint8Array): string {
  if (head.length === 0) return 'it is empty';
  const digits = Array.from(head.subarray(0, 16), (byte) => byte.toString(16).padStart(2, '0')).join('');
  const matches = (prefix: string) => [...prefix].every((digit, i) => digit === '.' || digit === digits[i]);
  const binary = BINARY_KINDS.find(([prefix]) => matches(prefix));
  if (binary) return binary[1];
  const text = new TextDecoder('latin1').decode(head);
  return TEXT_KINDS.find(([pattern]) => pattern.test(text))?.[1] ?? 'its first bytes are those of no format known here';
}
