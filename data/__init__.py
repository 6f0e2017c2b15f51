"""Ground floor: what comes in. The contract, sources, checks, the movements ledger and the simulated base."""
