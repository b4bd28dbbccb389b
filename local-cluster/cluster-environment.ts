/** The environment variables that processes of a local cluster get. */

/** This environment without identity and TLS: those variables are meant for coordinators on other machines. */
export function withoutIdentity(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const meant = /^TRAINYARD_(TLS|TOKENS?|TOKEN_FILE|INSECURE)$/;
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !meant.test(name)));
}
