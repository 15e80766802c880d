"""What a study will do, fixed before it starts."""
