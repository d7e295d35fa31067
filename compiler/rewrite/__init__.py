"""Graph rewrites: from one set of outputs to an equal one that suits a purpose better."""
