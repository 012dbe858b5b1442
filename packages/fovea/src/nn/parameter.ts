import { hostArray, type DType } from "../base/dtype.ts";
import { checkShape, sizeOf, type Shape } from "../base/shape.ts";
import { Storage } from "../tensor/storage.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { Constraint } from "./constraints.ts";
import type { Regularizer } from "./regularizers.ts";

/** A tensor that training changes: it requires a gradient and is part of a module's state. */
export class Parameter extends Tensor {
  /** Its penalty in the loss; see `l2` and its relatives. */
  regularizer: Regularizer | null = null;
  /** What optimizers make of every new value; see `maxNorm` and its relatives. */
  constraint: Constraint | null = null;

  /** @param from The first values, or a shape for zeros. */
  constructor(from: Tensor | Shape) {
    const storage = storageOf(from, "float32");
    super(storage.spec, storage);
    this.requireGrad();
  }
}

/** A tensor that belongs to a module's state but has no gradient, such as running statistics. */
export class Buffer extends Tensor {
  /** @param from The first values, or a shape for zeros. */
  constructor(from: Tensor | Shape, dtype: DType = "float32") {
    const storage = storageOf(from, dtype);
    super(storage.spec, storage);
  }
}

/** Memory of its own, because it will be changed in place. Host arrays never are, so they can be shared. */
function storageOf(from: Tensor | Shape, dtype: DType): Storage {
  const storage = from instanceof Tensor ? copyOf(from) : zeros(from, dtype);
  storage.pinned = true;
  return storage;
}

function copyOf({ shape, dtype, storage }: Tensor): Storage {
  return new Storage({ shape, dtype }, { host: storage.hostSource() });
}

function zeros(sizes: Shape, dtype: DType): Storage {
  checkShape(sizes, "parameter");
  const shape = Object.freeze([...sizes]);
  return new Storage({ shape, dtype }, { host: () => hostArray(dtype, sizeOf(shape)) });
}
