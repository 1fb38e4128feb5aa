/** A module with one function that uses i8x16.relaxed_swizzle (opcode 0xfd 0x100). */
const PROBE = Uint8Array.of(
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...[1, 5, 1, 0x60, 0, 1, 0x7b],
  ...[3, 2, 1, 0],
  ...[10, 15, 1, 13, 0, 0x41, 0, 0xfd, 0x0f, 0x41, 0, 0xfd, 0x0f, 0xfd, 0x80, 0x02, 0x0b],
);

/** Whether this engine runs relaxed SIMD: asked of the engine itself, not of its version. */
export const hasRelaxedSimd = (): boolean => WebAssembly.validate(PROBE);
