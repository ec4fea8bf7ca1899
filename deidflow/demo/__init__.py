"""A small cohort with faces and planted identifiers, made from the average head that pydeface ships."""
