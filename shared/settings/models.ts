/** The models that can be trained, by the names that users give. */
export const modelNames = ["classic", "digits", "mobilenet-v2", "resnet-18"] as const;
export type ModelName = (typeof modelNames)[number];

/** A default that the two small models and the two residual ones (MobileNetV2, ResNet-18) have in common or not. */
export const byModel = <T>(classic: T, others: { readonly digits?: T; readonly residual?: T }) => ({
  classic,
  digits: others.digits ?? classic,
  "mobilenet-v2": others.residual ?? classic,
  "resnet-18": others.residual ?? classic,
});
