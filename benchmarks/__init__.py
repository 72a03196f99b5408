"""One script per claim about speed; each prints a ratio measured side by side in one run."""
