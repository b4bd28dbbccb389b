/** Runs one cell: a coordinator's process, a fleet's process, and what the first used over some steps. */
import type { ChildProcess } from "node:child_process";
import { answerOf, lossOf, startChild } from "../frame/children.js";
import type { Cell, FromCoordinator, ToCoordinator, Usage } from "./protocol.js";

const program = (name: string) => new URL(`./${name}.js`, import.meta.url);

export interface CellOptions {
  /** Steps before the first that counts. */
  readonly warmUp: number;
  readonly steps: number;
}

/** Errors: when either process ends before the steps are done, or what is waited for takes longer than ten minutes. */
export async function runCell(cell: Cell, options: CellOptions): Promise<Usage> {
  const coordinator = startChild(program("coordinator-process"), [JSON.stringify(cell)]);
  const children = [coordinator];
  try {
    const { address } = await heard(coordinator, "ready");
    const fleet = startChild(program("fleet-process"), [JSON.stringify(cell), address]);
    children.push(fleet);
    return await Promise.race([usageOver(coordinator, options), lossOf(fleet)]);
  } finally {
    for (const child of children) child.kill("SIGKILL");
  }
}

async function usageOver(coordinator: ChildProcess, { warmUp, steps }: CellOptions): Promise<Usage> {
  const tell = (message: ToCoordinator) => coordinator.send(message);
  await heard(coordinator, "step", ({ step }) => step >= warmUp);
  tell({ tag: "mark" });
  await heard(coordinator, "step", ({ step }) => step >= warmUp + steps);
  tell({ tag: "report" });
  return await heard(coordinator, "usage");
}

type Said<Tag> = Extract<FromCoordinator, { readonly tag: Tag }>;

/** The next message with that tag that is wanted. */
function heard<Tag extends FromCoordinator["tag"]>(
  coordinator: ChildProcess,
  tag: Tag,
  isWanted: (message: Said<Tag>) => boolean = () => true,
): Promise<Said<Tag>> {
  const isSaid = (message: FromCoordinator): message is Said<Tag> => message.tag === tag;
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => settle(() => reject(new Error("a cell took ten minutes"))), 600_000);
    const settle = (settled: () => void) => {
      clearTimeout(late);
      coordinator.off("message", take);
      settled();
    };
    const take = (message: FromCoordinator) => {
      if (isSaid(message) && isWanted(message)) settle(() => resolve(message));
    };
    coordinator.on("message", take);
    lossOf(coordinator).catch((loss: unknown) => settle(() => reject(loss)));
  });
}

/** Seconds per step of the same bytes through plain sockets. Errors: when either process ends too early. */
export async function plainTcp(workers: number, bytes: number, steps: number): Promise<number[]> {
  const sizes = [String(workers), String(bytes)];
  const sink = startChild(program("plain-tcp"), ["sink", ...sizes]);
  const children = [sink];
  try {
    const port = await answerOf<number>(sink);
    const sender = startChild(program("plain-tcp"), ["send", ...sizes, String(port), String(steps)]);
    children.push(sender);
    return await Promise.race([answerOf<number[]>(sender), lossOf(sink)]);
  } finally {
    for (const child of children) child.kill("SIGKILL");
  }
}
