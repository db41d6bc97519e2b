"""Several processes: collectives, strategy, launcher, agent, SLURM."""
