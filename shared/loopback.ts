/** Addresses that no other machine reaches. */

const loopbackNames = new Set(["localhost", "::1", "[::1]"]);

/** True when a host name leads to this machine only. */
export const isLoopback = (host: string) => loopbackNames.has(host) || /^127(\.\d{1,3}){3}$/.test(host);
