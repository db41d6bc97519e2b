import pytest
import torch

from gan_lab.networks.dropout import Dropout
from gan_lab.utils import per_image


def test_whole_batches_get_the_bits_of_torchs_dropout_and_parts_their_rows_of_them() -> None:
    activations = torch.randn(6, 3, 4)
    layer, plain = Dropout(0.5), torch.nn.Dropout(0.5)
    torch.manual_seed(1)
    expected = plain(activations)
    torch.manual_seed(1)
    assert torch.equal(layer(activations), expected)
    for start, stop in ((0, 2), (2, 6)):
        torch.manual_seed(1)
        with per_image.rows(start, stop, 6):
            torch.testing.assert_close(layer(activations[start:stop]), expected[start:stop])


def test_in_evaluation_mode_nothing_is_dropped() -> None:
    with per_image.rows(0, 2, 4):
        assert torch.equal(Dropout(0.9).eval()(torch.ones(2, 3)), torch.ones(2, 3))


def test_a_share_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="probability"):
        Dropout(1.5)
