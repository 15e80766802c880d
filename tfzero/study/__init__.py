"""Arms x label counts x replicates on one data set, and the verdict over them."""
