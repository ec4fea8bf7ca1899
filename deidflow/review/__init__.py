"""People decide on doubtful series: a queue, a page on this machine, and a record of decisions."""
