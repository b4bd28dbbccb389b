/**
 * How large a test run is: `npm run test:quick`, `npm test` or `npm run test:full`. A test whose size may differ takes it
 * from here; what it promises is the same at every scale.
 */
const scales = ["quick", "normal", "full"] as const;
type Scale = (typeof scales)[number];

/** The scale of this test run. `test/support/setup/run-tests.mjs` sets the variable; files run by hand are normal. */
const scale: Scale = scales.find((known) => known === process.env["TEST_SCALE"]) ?? "normal";

export const isFullScale = scale === "full";

/** The size that belongs to the scale of this test run. */
export const atScale = (sizes: Readonly<Record<Scale, number>>): number => sizes[scale];
