"""Speed as ratios of things measured side by side in one run; a report, never a test."""
