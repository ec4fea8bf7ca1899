"""What was done to each attribute of each file, and what people decided: chained lines, sealed
values."""
