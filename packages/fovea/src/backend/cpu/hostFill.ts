import { arrayOf, type HostValues } from "../../base/hostValues.ts";
import { Draw } from "../../base/random.ts";
import { singlePrecision } from "./buffer.ts";
import type { CpuRuntime } from "./runtime.ts";
import { ProgramWords } from "./words.ts";

const words = new ProgramWords();

/** Brings host values to an address; random numbers are drawn right there, the bits that the host would draw. */
export function fillFromHost(runtime: CpuRuntime, address: number, values: HostValues): void {
  if (!(values instanceof Draw)) {
    runtime.write(address, singlePrecision(arrayOf(values)));
    return;
  }
  const { distribution, parameters, size, blocks } = values;
  const [a, b] = parameters;
  const shape = new Int32Array(Float64Array.of(a, distribution === "uniform" ? b - a : b).buffer);
  words.reset();
  words.command(`random_${distribution}`, [address], [size, ...blocks.key, ...blocks.counter, ...shape]);
  runtime.run(words.words, words.count);
}
