import { describe, expect, it } from 'vitest';
import { KERNELS_BASE64 } from '../../kernels/generated/kernels.ts';
import { instantiateKernels, sharedWorkspace, Workspace } from '../../kernels/index.ts';

const PAGE_BYTES = 65536;

describe('the compiled module can live in memory that belongs to somebody else', () => {
  const wasm = Buffer.from(KERNELS_BASE64, 'base64');
  const SECTIONS = { table: 4, memory: 5, start: 8, element: 9, data: 11, dataCount: 12 };

  it.each(Object.entries(SECTIONS))('has no %s section', (_, id) => {
    expect(sectionsOf(wasm)).not.toContain(id);
  });

  it('imports the memory and nothing else', () => {
    const imports = WebAssembly.Module.imports(new WebAssembly.Module(wasm));
    expect(imports).toEqual([{ module: 'env', name: 'memory', kind: 'memory' }]);
  });

  it('leaves a memory alone that it is instantiated over', () => {
    const memory = new WebAssembly.Memory({ initial: 2 });
    new Uint8Array(memory.buffer).fill(0xa5);
    instantiateKernels(memory);
    expect(new Uint8Array(memory.buffer).every((byte) => byte === 0xa5)).toBe(true);
    expect(memory.buffer.byteLength).toBe(2 * PAGE_BYTES);
  });

  it('follows a memory that grows', () => {
    const memory = new WebAssembly.Memory({ initial: 1 });
    const kernels = instantiateKernels(memory);
    memory.grow(1);
    new Float32Array(memory.buffer, PAGE_BYTES, 3).set([1, -2, 3]);
    expect(kernels.rangeFloat32(PAGE_BYTES, 3)).toMatchObject({ min: -2, max: 3 });
  });
});

/** Ids of the sections of a wasm module: each is a byte, a length in base 128 and that many bytes. */
function sectionsOf(wasm: Uint8Array): number[] {
  const ids: number[] = [];
  for (let at = 8; at < wasm.length; ) {
    ids.push(wasm[at] as number);
    let size = 0;
    let shift = 0;
    let byte: number;
    do {
      at += 1;
      byte = wasm[at] as number;
      size |= (byte & 127) << shift;
      shift += 7;
    } while (byte & 128);
    at += 1 + size;
  }
  return ids;
}

/** A memory of that many pages, of which only what is written costs anything; undefined where the system refuses. */
function hugeMemory(pages: number): WebAssembly.Memory | undefined {
  try {
    return new WebAssembly.Memory({ initial: pages });
  } catch {
    console.log('skipped: this machine gives no 4 GiB of address space to a WebAssembly memory');
    return undefined;
  }
}

describe('addresses above 2 GiB', () => {
  it('work up to the last byte of 4 GiB', () => {
    const memory = hugeMemory(65536);
    if (memory === undefined) return;
    const kernels = instantiateKernels(memory);
    const values = Float32Array.from({ length: 37 }, (_, i) => (i - 18) / 4);
    for (const source of [2 ** 31 - 64, 2 ** 31 + 64, 2 ** 32 - values.byteLength]) {
      const target = source - 4096;
      const [scale, zero] = [target - 64, target - 128];
      new Float32Array(memory.buffer, source, 37).set(values);
      new Float32Array(memory.buffer, scale, 1).set([0.25]);
      new Int32Array(memory.buffer, zero, 1).set([0]);
      expect(kernels.rangeFloat32(source, 37)).toMatchObject({ min: -4.5, max: 4.5 });
      const sums = new Float64Array(memory.buffer, 1024, 7).fill(0);
      kernels.compare(source, source, 37, 1024);
      expect([...sums.subarray(0, 2)]).toEqual([37, 0]);
      const limits = { bits: 8, least: -128, greatest: 127 } as const;
      kernels.quantize(source, { outer: 1, channels: 1, inner: 37 }, scale, zero, limits, target);
      expect([...new Int8Array(memory.buffer, target, 37)]).toEqual([...values.keys()].map((i) => i - 18));
      kernels.dequantize(target, 'int8', 37, 0.25, 0, target - 1024);
      expect(new Float32Array(memory.buffer, target - 1024, 37)).toEqual(values);
      kernels.toFloat16(source, 37, target - 2048);
      kernels.fromFloat16(target - 2048, 37, target - 3072);
      expect(new Float32Array(memory.buffer, target - 3072, 37)).toEqual(values);
    }
  });
});

describe('Workspace', () => {
  it('places, views and copies bytes at aligned addresses that do not overlap', () => {
    const workspace = new Workspace();
    const first = workspace.place(Float32Array.of(1.5, -2));
    const second = workspace.place(new Uint8Array([9, 8, 7, 6, 5]).subarray(1, 4));
    const third = workspace.allocate(1);
    expect([first % 64, second % 64, third % 64]).toEqual([0, 0, 0]);
    expect(second).toBeGreaterThanOrEqual(first + 8);
    expect(third).toBeGreaterThanOrEqual(second + 3);
    expect([...workspace.floats(first, 2)]).toEqual([1.5, -2]);
    expect([...workspace.bytes(second, 3)]).toEqual([8, 7, 6]);
    const copy = workspace.copy(second, 3);
    workspace.bytes(second, 3).fill(0);
    expect([...copy]).toEqual([8, 7, 6]);
  });

  it('grows, keeping what is in it, and starts again after a reset', () => {
    const workspace = new Workspace();
    const first = workspace.place(Uint8Array.of(1, 2, 3));
    const big = workspace.allocate(3 * 2 ** 20);
    expect(workspace.memory.buffer.byteLength).toBeGreaterThanOrEqual(big + 3 * 2 ** 20);
    expect([...workspace.bytes(first, 3)]).toEqual([1, 2, 3]);
    workspace.reset();
    expect(workspace.allocate(5)).toBe(first);
  });

  it('refuses what does not fit into 4 GiB and stays usable', () => {
    const workspace = new Workspace();
    expect(() => workspace.allocate(2 ** 32)).toThrow(RangeError);
    expect(() => workspace.allocate(Number.NaN)).toThrow(/do not fit into a workspace of 4 GiB/);
    expect(workspace.allocate(16)).toBe(64);
  });

  it('is shared by short jobs, each of which finds it empty', () => {
    const first = sharedWorkspace().allocate(100);
    expect(sharedWorkspace().allocate(1)).toBe(first);
  });
});
