/** Augmentation of a test whose subject it is not. */
import type { AugmentationSpec } from "../../shared/spec.js";

export const noAugmentation: AugmentationSpec = {
  rotationRange: 0,
  widthShiftRange: 0,
  heightShiftRange: 0,
  shearRange: 0,
  zoomRange: 0,
  horizontalFlip: false,
  verticalFlip: false,
  fillMode: "nearest",
  cval: 0,
  brightnessRange: null,
  channelShiftRange: 0,
};
