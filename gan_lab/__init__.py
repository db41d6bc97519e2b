"""An experiment framework for generative adversarial networks."""

__version__ = "0.2.0"
