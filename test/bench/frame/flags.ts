/** The flags of a bench: `--name value`, `--name value,value`, or `--name` alone. */
const words = process.argv.slice(2);

export const hasFlag = (name: string) => words.includes(`--${name}`);

/** Whether what is wanted is a look at the bench rather than figures. */
export const isQuick = hasFlag("quick");

/** What follows `--name`, each time that it is given. */
export const flagValues = (name: string): string[] =>
  words.filter((_, at) => at > 0 && words[at - 1] === `--${name}`);

export const flag = (name: string, otherwise: string) => flagValues(name)[0] ?? otherwise;

export const numberFlag = (name: string, otherwise: number) => Number(flag(name, String(otherwise)));

export const numbersFlag = (name: string, otherwise: readonly number[]) =>
  flag(name, otherwise.join(",")).split(",").filter(Boolean).map(Number);
