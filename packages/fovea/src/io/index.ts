export { encodeSafetensors, parseSafetensors } from "./safetensors.ts";
export { toHostTensor, toStoredTensor } from "./stored-dtype.ts";
