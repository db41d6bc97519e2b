"""The variants: one LightningModule each, and the alternating step that they share."""
