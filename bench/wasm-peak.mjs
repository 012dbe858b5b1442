// Multiply-adds per second in WebAssembly: a module of one loop, assembled here. As a worker it reports GFLOP/s.
import { isMainThread, parentPort, workerData } from "node:worker_threads";

const ROWS = 4; // 4×2 sums: what V8 keeps in registers
const COLUMNS = 2;
const ROUNDS = 4_000_000;
const LANES = 4;
const ROW_BYTES = 1024;

/**
 * A module that exports run(rounds): in each round the register tile of a matrix product, s = s + a · b, over 5 KB of zeros.
 *
 * The factors come from memory as in a kernel. Of numbers that stay V8 would make each product once, and sums s = s · a + b
 * wait for a multiplication and an addition each: on processors with pipes for both that is a third below what kernels reach.
 */
export function multiplyAdds(kind) {
  const [V128, I32, LOOP, END, BR_IF, GET, SET, TEE, CONST, ADD, SUB, AND] = [
    0x7b, 0x7f, 0x03, 0x0b, 0x0d, 0x20, 0x21, 0x22, 0x41, 0x6a, 0x6b, 0x71,
  ];
  const simd = (op) => [0xfd, ...leb(op)];
  const [AT, A, B] = [1, 2, 3];
  const FIRST = B + COLUMNS;
  const each = (n, fn) => Array.from({ length: n }, (_, i) => fn(i)).flat();
  const product = (s, b) =>
    kind === "relaxed"
      ? [GET, A, GET, b, GET, s, ...simd(0x105), SET, s] // f32x4.relaxed_madd
      : [GET, s, GET, A, GET, b, ...simd(0xe6), ...simd(0xe4), SET, s]; // f32x4.mul, f32x4.add
  const round = [
    each(COLUMNS, (j) => [GET, AT, ...simd(0), 4, 16 * j, SET, B + j]), // v128.load
    each(ROWS, (i) => [
      [GET, AT, ...simd(9), 2, ...leb(ROW_BYTES * (i + 1)), SET, A], // v128.load32_splat
      each(COLUMNS, (j) => product(FIRST + COLUMNS * i + j, B + j)),
    ]),
    [GET, AT, CONST, 16 * COLUMNS, ADD, CONST, ...leb(ROW_BYTES - 1), AND, SET, AT],
  ].flat(2);
  const total = each(ROWS * COLUMNS - 1, (i) => [GET, FIRST + 1 + i, ...simd(0xe4)]);
  const body = [
    [2, 1, I32, 1 + COLUMNS + ROWS * COLUMNS, V128], // locals
    [LOOP, 0x40, ...round, GET, 0, CONST, 1, SUB, TEE, 0, BR_IF, 0, END],
    [GET, FIRST, ...total, ...simd(0x1f), 0, END], // f32x4.extract_lane 0
  ].flat();
  const section = (id, bytes) => [id, ...leb(bytes.length), ...bytes];
  return Uint8Array.from(
    [
      [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      section(1, [1, 0x60, 1, I32, 1, 0x7d]), // (i32) -> f32
      section(3, [1, 0]),
      section(5, [1, 0, 1]), // memory: one page
      section(7, [1, 3, ...new TextEncoder().encode("run"), 0, 0]),
      section(10, [1, ...leb(body.length), ...body]),
    ].flat(),
  );
}

/** Unsigned LEB128. */
function leb(n) {
  return n < 128 ? [n] : [(n & 127) | 128, ...leb(n >> 7)];
}

/** GFLOP/s of a module's run(rounds). */
export function rateOf(run, rounds) {
  const start = performance.now();
  run(rounds);
  return (rounds * ROWS * COLUMNS * LANES * 2) / ((performance.now() - start) / 1000) / 1e9;
}

if (!isMainThread) {
  const { instance } = await WebAssembly.instantiate(multiplyAdds(workerData));
  const { run } = instance.exports;
  run(ROUNDS); // compiled by the optimising compiler
  run(ROUNDS);
  // oxlint-disable-next-line require-post-message-target-origin -- that is for windows, this is a worker
  parentPort.postMessage(rateOf(run, 10 * ROUNDS));
}
