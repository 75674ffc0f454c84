"""Looking at a model's files without loading them: whether they are whole (`check`) and what they are (`explain`)."""
