"""A small cohort with faces and planted identifiers, made from pydeface's average head."""
