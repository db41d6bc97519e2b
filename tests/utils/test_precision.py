import torch

from gan_lab.utils.precision import full_precision, reproducible_precision


def product() -> torch.dtype:
    matrix = torch.ones(2, 2)
    return (matrix @ matrix).dtype


def test_a_surrounding_autocast_ends_at_the_context_and_goes_on_after_it() -> None:
    cpu = torch.device("cpu")
    with torch.autocast("cpu", torch.bfloat16):
        assert product() == torch.bfloat16
        with full_precision(cpu):
            assert product() == torch.float32
        with reproducible_precision(cpu):
            assert product() == torch.float32
        assert product() == torch.bfloat16


def test_what_is_reproducible_does_without_tensorfloat32_and_fast_kernels() -> None:
    def flags() -> tuple[bool, bool]:
        return torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic

    before = flags()
    with reproducible_precision(torch.device("cuda")):
        assert flags() == (False, True)
    assert flags() == before
    with full_precision(torch.device("cuda")):
        assert flags() == before


def test_a_device_without_autocast_computes_as_it_is() -> None:
    with full_precision(torch.device("meta")):
        assert torch.ones(1, device="meta").dtype == torch.float32
