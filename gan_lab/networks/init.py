"""First weights of networks."""

from torch import nn

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


def dcgan_init(module: nn.Module) -> None:
    """Weights from N(0, 0.02), batch norm scales from N(1, 0.02), biases zero.

    Radford et al. 2016, section 4 (arXiv:1511.06434). Use as `network.apply(dcgan_init)`.
    """
    if isinstance(module, CONVOLUTIONS):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)
