/** One sentence for every port that can't be opened: control, tensors, HTTP. */
import { TrainyardError } from "./errors.js";

/** The USAGE error for a server that can't listen: it names the address, the reason, and what to do. */
export function listenError(error: NodeJS.ErrnoException, host: string, port: number): TrainyardError {
  return new TrainyardError("USAGE", `can't listen on ${host}:${port}: ${reasonOf(error, host, port)}`, {
    cause: error,
  });
}

function reasonOf({ code = "", message }: NodeJS.ErrnoException, host: string, port: number): string {
  switch (code) {
    case "EADDRINUSE":
      return "another process listens there. End it, or choose another port";
    case "EACCES":
      return port > 0 && port < 1_024
        ? "ports below 1024 belong to root. Choose a higher port"
        : "this user may not listen there. Choose another port";
    case "EADDRNOTAVAIL":
      return `${host} is no address of this machine. Choose one of its own, or 127.0.0.1`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `the name ${host} is not known. Choose an address of this machine, or 127.0.0.1`;
    default:
      return `${code === "" ? message : code}. Choose another port or address`;
  }
}
