import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { FoveaError } from "../../base/errors.ts";
import { kernelNames, type KernelName } from "./kernels.generated.ts";
import { createNativeRuntime } from "./native.ts";
import type { CpuRuntime, RuntimeState } from "./runtime.ts";
import { createWasmRuntime } from "./wasm.ts";
import { packagedModule, prepareWasm, wasmIsas, type WasmIsa } from "./wasm-module.ts";

const runtimes: Record<string, () => RuntimeState> = {
  native: () => createNativeRuntime(),
  "wasm with threads": () => createWasmRuntime(),
  "wasm without threads": () => createWasmRuntime({ threads: false }),
  "wasm on simd128": () => createWasmRuntime({ isa: "simd128" }),
  "wasm on simd128 without threads": () => createWasmRuntime({ isa: "simd128", threads: false }),
};

function command(kernel: KernelName, buffers: readonly number[], params: readonly number[], flags = 0): number[] {
  const size = 4 + 2 * buffers.length + params.length;
  const words = [kernelNames.indexOf(kernel) | flags, buffers.length, params.length, size + (size & 1)];
  for (const address of buffers) words.push(address | 0, Math.floor(address / 2 ** 32));
  words.push(...params);
  return size & 1 ? [...words, 0] : words;
}

/** Compares long arrays at once; `toEqual` walks them element by element. */
function expectSame(actual: Uint8Array, expected: Uint8Array): void {
  expect(Buffer.compare(actual, expected)).toBe(0);
}

async function workersReady(runtime: CpuRuntime): Promise<void> {
  for (let i = 0; runtime.threadsReady < runtime.threads; i++) {
    if (i === 500) throw new Error(`${runtime.threadsReady} of ${runtime.threads} threads after 5 s`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

for (const [name, create] of Object.entries(runtimes)) {
  const state = create();
  const runtime = "runtime" in state ? state.runtime : null;
  const why = "reason" in state ? ` (${state.reason})` : "";

  describe.skipIf(runtime === null)(name + why, () => {
    const r = runtime!;
    const counts = name.endsWith("without threads") ? [1] : [1, 2, 3];
    afterAll(() => r.close());

    test("what is written is read back, for every element type and any length", () => {
      const address = r.allocate(4096);
      const floats = Float32Array.from({ length: 999 }, (_, i) => i / 3);
      r.write(address, floats);
      const back = new Float32Array(999);
      r.read(address, back);
      expect(back).toEqual(floats);
      r.write(address + 8, new Uint8Array([1, 2, 3]).subarray(1));
      const bytes = new Uint8Array(2);
      r.read(address + 8, bytes);
      expect([...bytes]).toEqual([2, 3]);
      r.free(address);
    });

    test.each(counts)("%i threads copy the same bytes, at every length around a cache line", async (threads) => {
      r.setThreads(threads);
      await workersReady(r);
      const [from, to] = [r.allocate(70_000), r.allocate(70_000)];
      const source = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 31) & 255);
      r.write(from, source);
      for (const bytes of [0, 1, 63, 64, 65, 127, 129, 1000, 65_537]) {
        r.write(to, new Uint8Array(70_000));
        const words = Int32Array.from(command("copy_bytes", [from, to], [bytes, 0]));
        r.run(words, words.length);
        const copied = new Uint8Array(70_000);
        r.read(to, copied);
        expectSame(copied.subarray(0, bytes), source.subarray(0, bytes));
        expect(copied.subarray(bytes).every((x) => x === 0)).toBe(true);
      }
      r.free(from);
      r.free(to);
    });

    test.each(counts)("on %i threads a command sees all of the one before it", async (threads) => {
      r.setThreads(threads);
      await workersReady(r);
      const bytes = 10_007;
      const chain = Array.from({ length: 50 }, () => r.allocate(bytes));
      const alone = 1 << 16; // one thread: RUN_THREADS in kernels/c/run.h
      const program = chain
        .slice(1)
        .flatMap((to, i) => command("copy_bytes", [chain[i]!, to], [bytes, 0], i % 5 === 4 ? alone : 0));
      const words = Int32Array.from(program);
      for (let round = 0; round < 40; round++) {
        const source = Uint8Array.from({ length: bytes }, (_, i) => (i + round * 13) & 255);
        r.write(chain[0]!, source);
        r.run(words, words.length);
        const copied = new Uint8Array(bytes);
        r.read(chain.at(-1)!, copied);
        expectSame(copied, source);
      }
      for (const address of chain) r.free(address);
    });

    test("the thread count can change between runs, also after workers have gone to sleep", async () => {
      const [from, to] = [r.allocate(1000), r.allocate(1000)];
      const words = Int32Array.from(command("copy_bytes", [from, to], [1000, 0]));
      for (let i = 0; i < 12; i++) {
        r.setThreads(1 + (i % 3));
        if (i % 4 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
        r.write(from, new Uint8Array(1000).fill(i + 1));
        r.run(words, words.length);
        const copied = new Uint8Array(1000);
        r.read(to, copied);
        expect(copied.every((x) => x === i + 1)).toBe(true);
      }
      r.free(from);
      r.free(to);
    });

    test("a program longer than a megabyte runs whole", () => {
      const [from, to] = [r.allocate(64), r.allocate(64)];
      const one = command("copy_bytes", [from, to], [8, 0]);
      const last = command("copy_bytes", [to, to + 32], [8, 0]);
      const words = new Int32Array(40_000 * one.length + last.length);
      for (let i = 0; i < 40_000; i++) words.set(one, i * one.length);
      words.set(last, 40_000 * one.length);
      r.setThreads(1);
      r.write(from, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
      r.run(words, words.length);
      const copied = new Uint8Array(8);
      r.read(to + 32, copied);
      expect([...copied]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
      r.free(from);
      r.free(to);
    });

    test("a program that is no program is an error, never a crash", () => {
      const address = r.allocate(64);
      const run =
        (words: number[], count = words.length) =>
        () =>
          r.run(Int32Array.from(words), count);
      expect(run([0, 0])).toThrow(/word 0 .*does not fit/);
      expect(run([0, 2, 2, 2])).toThrow(/does not fit/);
      expect(run([0, -1, 2, 8, 0, 0, 0, 0])).toThrow(/does not fit/);
      expect(run([100_000, 0, 0, 4])).toThrow(/kernel 100000, but there are/);
      expect(run(command("copy_bytes", [8, address], [8, 0]))).toThrow(/copy_bytes .*outside/);
      expect(
        run([...command("copy_bytes", [address, address], [8, 0]), ...command("copy_bytes", [1e15, address], [8, 0])]),
      ).toThrow(/word 10.*outside/);
      expect(run([0, 0, 0, 4], 5)).toThrow(/Int32Array/);
      expect(run([0, 0, 0, 4], -1)).toThrow(/Int32Array/);
      expect(() => r.run(new Int32Array(9).subarray(1), 4)).toThrow(/multiple of 8/);
      expect(() => r.run([0, 0, 0, 4] as unknown as Int32Array, 4)).toThrow(/Int32Array/);
      r.free(address);
    });

    test("reading and writing outside of the engine's memory is an error", () => {
      for (const address of [0, 1, -64, Number.NaN, 2 ** 52, Number.POSITIVE_INFINITY]) {
        expect(() => r.write(address, new Float32Array(4))).toThrow(FoveaError);
        expect(() => r.read(address, new Float32Array(4))).toThrow(FoveaError);
      }
      expect(() => r.free(12_345)).toThrow(FoveaError);
    });

    test("asking for more memory than there is says so, and goes on working", () => {
      expect(() => r.allocate(2 ** 50)).toThrow(/engine is out of memory: 1024 TB .* were asked for.* are held/);
      const address = r.allocate(100);
      r.free(address);
    });

    test("counts live bytes and blocks", () => {
      const before = r.stats();
      const address = r.allocate(1000);
      expect(r.stats().liveBytes - before.liveBytes).toBe(1024); // whole cache lines
      expect(r.stats().liveBlocks - before.liveBlocks).toBe(1);
      r.free(address);
      expect(r.stats().liveBytes).toBe(before.liveBytes);
      expect(r.stats().peakBytes).toBeGreaterThanOrEqual(before.liveBytes + 1024);
    });

    test("thread counts that are none are refused", () => {
      for (const count of [0, -1, 1.5, Number.NaN]) expect(() => r.setThreads(count)).toThrow(/whole number/);
    });

    test("closing ends the threads, and one goes on", () => {
      r.close();
      expect(r.threads).toBe(1);
      const address = r.allocate(64);
      const words = Int32Array.from(command("copy_bytes", [address, address + 32], [8, 0]));
      r.run(words, words.length);
      r.free(address);
    });
  });
}

describe("wasm", () => {
  test("memory grows with what is asked for", () => {
    const state = createWasmRuntime({ threads: false });
    if (!("runtime" in state)) throw new Error(state.reason);
    const r = state.runtime;
    const address = r.allocate(100e6);
    r.write(address + 100e6 - 4, Int32Array.of(42));
    const back = new Int32Array(1);
    r.read(address + 100e6 - 4, back);
    expect(back[0]).toBe(42);
    expect(() => r.allocate(4.2e9)).toThrow(/out of memory/);
  });

  test("a module that was compiled elsewhere serves, and says when it has no threads", async () => {
    const state = createWasmRuntime(await prepareWasm({ wasm: packagedModule(false) }));
    if (!("runtime" in state)) throw new Error(state.reason);
    expect(state.runtime.threads).toBe(1);
    expect(state.runtime.notes).toEqual(["threads off: the module given is the one without threads"]);
  });

  test("a kernel that fails is an error, and one thread goes on", async () => {
    const state = createWasmRuntime();
    if (!("runtime" in state)) throw new Error(state.reason);
    const r = state.runtime;
    r.setThreads(3);
    await workersReady(r);
    const address = r.allocate(64);
    const words = Int32Array.from(command("copy_bytes", [address, address], [-1, 0])); // 4 GB: beyond the memory
    expect(() => r.run(words, words.length)).toThrow(/a kernel failed in the wasm engine/);
    expect(r.threads).toBe(1);
    expect(r.notes.join()).toMatch(/threads off: a kernel failed/);
    const fine = Int32Array.from(command("copy_bytes", [address, address + 32], [8, 0]));
    for (let i = 0; i < 100; i++) r.run(fine, fine.length);
  });

  test("the fastest instruction set is used; an option and FOVEA_ISA choose another", () => {
    const start = (isa?: WasmIsa) => {
      const state = createWasmRuntime({ threads: false, ...(isa && { isa }) });
      if (!("runtime" in state)) throw new Error(state.reason);
      return state.runtime;
    };
    const isas = wasmIsas();
    expect(isas).toContain("simd128");
    expect(start()).toMatchObject({ isa: isas[0], isas });
    for (const isa of isas) {
      expect(start(isa).isa).toBe(isa);
      vi.stubEnv("FOVEA_ISA", isa);
      expect(start().isa).toBe(isa);
      expect(start("simd128").isa).toBe("simd128");
    }
    vi.stubEnv("FOVEA_ISA", "avx2"); // meant for the native engine
    expect(start().isa).toBe(isas[0]);
    vi.stubEnv("FOVEA_ISA", "mmx");
    expect(start).toThrow(/FOVEA_ISA=mmx is no instruction set that fovea knows; the wasm engine has .*simd128 here/);
    vi.unstubAllEnvs();
  });

  test("a host without relaxed SIMD computes on simd128, and says so to whom wants more", () => {
    const validate = vi.spyOn(WebAssembly, "validate").mockReturnValue(false);
    expect(wasmIsas()).toEqual(["simd128"]);
    expect(createWasmRuntime({ threads: false })).toMatchObject({ runtime: { isa: "simd128", isas: ["simd128"] } });
    expect(() => createWasmRuntime({ isa: "relaxed-simd" })).toThrow(
      /isa "relaxed-simd" is not there on this machine; the wasm engine has simd128 here/,
    );
    validate.mockRestore();
  });

  test("a file that is another wasm module is refused with a reason", () => {
    const empty = new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0));
    expect(createWasmRuntime({ module: empty })).toHaveProperty("reason");
  });
});

function start(): CpuRuntime {
  const state = createNativeRuntime();
  if (!("runtime" in state)) throw new Error(state.reason);
  return state.runtime;
}

const native = createNativeRuntime();

describe.skipIf("reason" in native)("native", () => {
  afterEach(() => vi.unstubAllEnvs());

  test("two runtimes have memories of their own", () => {
    const [a, b] = [start(), start()];
    const [x, y] = [a.allocate(64), b.allocate(64)];
    a.write(x, Int32Array.of(1));
    b.write(y, Int32Array.of(2));
    const back = new Int32Array(1);
    a.read(x, back);
    expect(back[0]).toBe(1);
    expect(() => a.read(y, back)).toThrow(/not in the engine's memory/);
  });

  test("FOVEA_ISA forces an instruction set, and names those there are", () => {
    for (const isa of start().isas) {
      vi.stubEnv("FOVEA_ISA", isa);
      expect(start().isa).toBe(isa);
    }
    vi.stubEnv("FOVEA_ISA", "mmx");
    expect(start).toThrow(/FOVEA_ISA=mmx is no instruction set that fovea knows; the native engine has .* here/);
    vi.stubEnv("FOVEA_ISA", process.arch === "x64" ? "neon" : "avx2");
    expect(start).toThrow(/is not there on this machine; the native engine has .* here/);
    vi.stubEnv("FOVEA_ISA", "simd128"); // meant for the wasm engine
    expect(start().isa).toBe(start().isas[0]);
  });

  test("FOVEA_THREADS sets the number of threads", () => {
    vi.stubEnv("FOVEA_THREADS", "3");
    expect(start().threads).toBe(3);
    vi.stubEnv("FOVEA_THREADS", "many");
    expect(start).toThrow(/FOVEA_THREADS must be a whole number/);
  });
});
