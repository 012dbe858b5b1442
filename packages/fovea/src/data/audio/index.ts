export {
  addNoise,
  frequencyMask,
  timeMask,
  timeShift,
  type AddNoiseOptions,
  type MaskingOptions,
  type TimeShiftOptions,
} from "./augment.ts";
export { amplitudeToDb, type AmplitudeToDbOptions } from "./decibels.ts";
export { melSpectrogram, mfcc, type MelScale, type MelSpectrogramOptions, type MfccOptions } from "./mel.ts";
export { resampleAudio, type ResampleAudioOptions } from "./resample.ts";
export { spectrogram, type SpectrogramOptions, type WindowName } from "./spectrogram.ts";
