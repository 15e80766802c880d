"""The parts of the page, one file each, as plain values for the template."""
