"""Gold questions, the sample articles, metrics, the harness and its report."""
