/** The protocol under faults by seed, part 2 of 4: what must hold is in checkers/. */
import { simulateSeeds } from "./seeds.js";

simulateSeeds(1);
