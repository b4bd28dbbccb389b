/**
 * Tickets: only workers of the run may open tensor streams. A worker gets a ticket each time that it is admitted to the
 * run, signed with a secret that the coordinator draws once and shares with its reducers only. A ticket is not valid in
 * another run or generation, for another worker, or after its worker has left.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { TensorCredentials } from "../../shared/grpc/tensor-server.js";

/** What tickets of one generation are sealed with. */
export interface TicketSeal {
  readonly run: string;
  readonly generation: number;
  /** 32 random bytes. */
  readonly secret: Uint8Array;
}

/** `admission`: counted up over the generation. */
export const issueTicket = (seal: TicketSeal, worker: string, admission: number): string =>
  `${admission}.${sealOf(seal, worker, String(admission)).toString("base64url")}`;

const sealOf = ({ run, generation, secret }: TicketSeal, worker: string, admission: string): Buffer =>
  createHmac("sha256", secret)
    .update(JSON.stringify([run, generation, worker, admission]))
    .digest();

export class TicketGate {
  readonly #seal: TicketSeal;
  #last = 0;
  readonly #standing = new Set<number>();

  constructor(seal: TicketSeal) {
    this.#seal = seal;
  }

  admit(admission: number): void {
    this.#last = Math.max(this.#last, admission);
    this.#standing.add(admission);
  }

  /** The worker has left: its ticket is not valid from now on. */
  dismiss(admission: number): void {
    this.#standing.delete(admission);
  }

  /** Why these credentials are refused, as a sentence; null when the ticket is valid. */
  refusal({ worker, ticket }: TensorCredentials): string | null {
    const [admission = "", seal = "", ...more] = ticket.split(".");
    const due = sealOf(this.#seal, worker, admission);
    const shown = Buffer.from(seal, "base64url");
    const isOurs = more.length === 0 && shown.length === due.length && timingSafeEqual(shown, due);
    if (!isOurs) return "this stream has no ticket of a worker that was admitted to this run and generation";
    const number = admissionOf(ticket);
    // A ticket may come before the news of its admission: then it is one after the last.
    return number > this.#last || this.#standing.has(number) ? null : `the worker ${worker} has left`;
  }
}

/** The admission number that a ticket states. It is proven only once `TicketGate.refusal` returned null for the ticket. */
export const admissionOf = (ticket: string): number => Number(ticket.slice(0, ticket.indexOf(".")));
