import type { Backend, DeviceBuffer, Executable, ProgramSpec } from "./contract.ts";

/** Runs a program op by op: what an engine without a compiler of its own does. */
export function interpretProgram(backend: Backend, program: ProgramSpec): Executable {
  for (const { buffer } of program.captured) buffer.retain();
  const lastUse = new Map<number, number>();
  program.nodes.forEach((node, i) => {
    for (const v of [...node.inputs, node.output]) lastUse.set(v, i);
  });
  for (const v of program.outputs) lastUse.set(v, Infinity);

  const run = (inputs: readonly DeviceBuffer[], ended: (node: number) => void): DeviceBuffer[] => {
    const live = new Map<number, DeviceBuffer>();
    const hold = (value: number, buffer: DeviceBuffer) => {
      buffer.retain();
      live.set(value, buffer);
    };
    program.inputs.forEach((v, i) => hold(v, inputs[i]!));
    for (const { value, buffer } of program.captured) hold(value, buffer);
    for (const { value, fill } of program.hostInputs) live.set(value, backend.upload(fill(), program.values[value]!));

    program.nodes.forEach((node, i) => {
      const args = node.inputs.map((v) => (v < 0 ? undefined : live.get(v)!));
      const y = backend.execute(node.op, args, node.attrs, program.values[node.output]!);
      if (node.op.inPlace) hold(node.output, y);
      else live.set(node.output, y);
      for (const v of new Set([...node.inputs, node.output])) {
        if (v >= 0 && lastUse.get(v) === i) {
          live.get(v)!.release();
          live.delete(v);
        }
      }
      ended(i);
    });
    const outputs = program.outputs.map((v) => live.get(v)!);
    for (const buffer of outputs) buffer.retain();
    for (const buffer of live.values()) buffer.release();
    return outputs;
  };

  return {
    arenaBytes: 0,
    preparedBytes: 0,
    tuned: [],
    work: program.nodes.map(({ op }, node) => ({ node, kernels: [op.name], once: [], layout: "contiguous" })),
    run: (inputs) => run(inputs, () => {}),
    profile(inputs, runs) {
      const times = program.nodes.map(() => Infinity);
      for (let i = 0; i < runs; i++) {
        let last = performance.now();
        const outputs = run(inputs, (node) => {
          const now = performance.now();
          times[node] = Math.min(times[node]!, now - last);
          last = now;
        });
        for (const buffer of outputs) buffer.release();
      }
      return times;
    },
    dispose() {
      for (const { buffer } of program.captured) buffer.release();
    },
  };
}
