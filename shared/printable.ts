/** Names from disks on a terminal. */

/** A name may hold line ends and escape sequences; what is shown of it is one line: control characters as JSON has them. */
export const printable = (text: string) =>
  text.replace(/\p{Cc}/gu, (character) => JSON.stringify(character).slice(1, -1));
