"""From records to words: paired differences, decided together, and no claim beyond them."""
