"""How the practice model is made: `corpus` writes the talk, `train` learns it, `evaluate` says how well."""
