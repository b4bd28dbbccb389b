/** JSON schemas of custom resources from their definitions, unknown fields refused as the API server refuses them. */

/**
 * @typedef {import("./schema-bundle.mjs").Schema} Schema
 * @typedef {{ name: string, schema?: { openAPIV3Schema?: Schema } }} Version
 * @typedef {{ spec: { group: string, names: { kind: string }, versions: Version[] } }} Definition
 */

/** What every object has besides what its definition says. */
const objectFields = {
  apiVersion: { type: "string" },
  kind: { type: "string" },
  metadata: { $ref: "#/$defs/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta" },
};

/**
 * One schema a version, with the file's name that kubeconform looks for.
 * @param {Definition} definition
 * @returns {{ name: string, schema: Schema }[]}
 */
export function customResourceSchemas({ spec }) {
  const group = spec.group.split(".")[0];
  return spec.versions.map(({ name: version, schema }) => {
    const whole = closed(schema?.openAPIV3Schema ?? {});
    const properties = { .../** @type {Schema} */ (whole["properties"]), ...objectFields };
    return {
      name: `${spec.names.kind.toLowerCase()}-${group}-${version}.json`,
      schema: {
        $schema: "https://json-schema.org/draft/2020-12/schema",
        ...whole,
        properties,
        additionalProperties: false,
      },
    };
  });
}

/**
 * The schema with every object closed that names its fields and doesn't say that it keeps unknown ones.
 * @param {Schema} schema
 * @returns {Schema}
 */
function closed(schema) {
  /** @type {Schema} */
  const result = {};
  for (const [name, value] of Object.entries(schema)) {
    if (name === "properties") result[name] = mapValues(/** @type {Schema} */ (value), closed);
    else if (name === "items" || name === "additionalProperties") result[name] = closedPart(value);
    else if (!name.startsWith("x-kubernetes-")) result[name] = value;
  }
  const keepsUnknown = schema["x-kubernetes-preserve-unknown-fields"] === true;
  if (schema["properties"] !== undefined && schema["additionalProperties"] === undefined && !keepsUnknown) {
    result["additionalProperties"] = false;
  }
  if (schema["x-kubernetes-int-or-string"] === true) result["type"] = ["string", "integer"];
  return result;
}

/** @param {unknown} value */
const closedPart = (value) =>
  typeof value === "object" && value !== null ? closed(/** @type {Schema} */ (value)) : value;

/**
 * @param {Schema} object
 * @param {(value: Schema) => Schema} change
 */
const mapValues = (object, change) =>
  Object.fromEntries(
    Object.entries(object).map(([name, value]) => [name, change(/** @type {Schema} */ (value))]),
  );
