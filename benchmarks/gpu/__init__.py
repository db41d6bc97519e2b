"""What a GPU makes of this project: tables that anyone with a card can add to docs/performance.md."""
