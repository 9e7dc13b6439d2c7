/**
 * For development: checks what comes in against the generated schemas, with Ajv (https://ajv.js.org), which the program
 * brings. Not part of the main entry point, so that it costs nothing where it is not used.
 */

/** As much of Ajv as is needed: `new Ajv2020({ strict: false })` of `ajv/dist/2020.js`. */
export interface AjvLike {
  compile(schema: object): ((value: unknown) => unknown) & { errors?: unknown };
  errorsText(errors?: any): string;
}

/** The generated `schemas/protocol.json`, as much of it as is needed. */
export interface ProtocolSchemas {
  messages: { [type: string]: { payload: unknown; from: string } };
  $defs?: { [name: string]: unknown };
}

/**
 * Makes the `validate` option of `connect`: says what is wrong with a payload, or nothing. A payload that is wrong ends
 * its call with `invalid_message`, and is a notice of kind `invalid`.
 */
export function validator(ajv: AjvLike, schemas: ProtocolSchemas): (type: string, payload: unknown) => string | undefined {
  const checks = new Map<string, ReturnType<AjvLike["compile"]>>();
  return (type, payload) => {
    const message = schemas.messages[type];
    // A type of a newer server.
    if (!message) return undefined;
    let check = checks.get(type);
    if (!check) {
      const schema = typeof message.payload === "object" ? message.payload : {};
      checks.set(type, (check = ajv.compile({ ...schema, $defs: schemas.$defs ?? {} })));
    }
    return check(payload) ? undefined : ajv.errorsText(check.errors);
  };
}
