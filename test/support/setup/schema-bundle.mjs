/** A JSON schema with the definitions that it refers to, and only these: small enough to be compiled in no time. */

/** @typedef {{ [name: string]: unknown }} Schema */

/** As references begin in the schemas, and in the definitions themselves. */
const referenceForm = /"\$ref":\s*"[^"#]*#\/\$defs\/([^"]+)"/g;

/**
 * @param {Schema} schema
 * @param {{ [name: string]: Schema }} definitions
 * @returns {Schema}
 */
export function bundled(schema, definitions) {
  /** @type {{ [name: string]: Schema }} */
  const needed = {};
  const open = referencesIn(schema);
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const definition = definitions[name];
    if (definition === undefined) throw new Error(`no definition of ${name}`);
    if (needed[name] !== undefined) continue;
    needed[name] = definition;
    open.push(...referencesIn(definition));
  }
  const local = JSON.stringify({ ...schema, $defs: needed }).replace(referenceForm, '"$ref":"#/$defs/$1"');
  return JSON.parse(local);
}

/** @param {Schema} schema */
const referencesIn = (schema) =>
  [...JSON.stringify(schema).matchAll(referenceForm)].map(([, name = ""]) => name);
