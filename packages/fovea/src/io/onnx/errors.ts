import { UnsupportedOpError } from "../../base/errors.ts";

/** A node whose operator, or whose use of it, this reader does not have. */
export class UnsupportedNodeError extends UnsupportedOpError {
  /** The operator that is missing, with its domain when that is not the standard one. */
  readonly op: string;

  constructor(message: string, op: string) {
    super(message);
    this.op = op;
  }
}
