import { opCases } from "./cases.ts";
import { describeOp } from "../testing/suite.ts";

// Kernel against reference, gradient against finite differences, shape rule against result, compiled against eager,
// on every engine: all from `<op>.cases.ts`.
for (const cases of Object.values(opCases)) describeOp(cases);
