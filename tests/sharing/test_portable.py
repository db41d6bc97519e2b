import pytest
import torch

from gan_lab.config.schema import build
from gan_lab.sharing.portable import FromCodes, portable
from gan_lab.utils import images
from gan_lab.utils.depth import EIGHT
from gan_lab.utils.errors import UserError
from tests.conftest import alike
from tests.sharing.conftest import VARIANTS, MakeRun

TRANSLATORS = {"cyclegan", "pix2pix", "cut"}  # and colourise, whose pictures the data module puts together


@pytest.mark.parametrize("variant", VARIANTS)
def test_pixels_are_those_that_the_model_draws(variant: str, make: MakeRun) -> None:
    run = make(variant)
    model = run.load_model()
    for ema in (True, False):
        generator = portable(run, model, ema=ema)
        made = generator.module(*generator.examples)
        assert made.dtype == torch.uint8
        assert made.float().std() > 5  # grey values: images that differ nowhere would prove nothing
        if variant == "colourise":
            data = build(run.config().data)
            source = data.to_source(generator.examples[0])
            expected = data.render(source, model.translate(source, "a2b", ema=ema))  # type: ignore[operator]
        elif variant in TRANSLATORS:
            (image,) = generator.examples
            expected = model.translate(images.to_float(image), "a2b", ema=ema)  # type: ignore[operator]
        elif variant == "infogan":
            latents = model.seeded_latents(2, 0)  # type: ignore[operator]
            expected = model.sample(latents, generator.examples[1], ema=ema)  # type: ignore[operator]
        else:
            expected = model.sample(*generator.examples, ema=ema)  # type: ignore[operator]
        assert alike(made, images.to_uint8(expected))


def test_average_and_raw_weights_differ(make: MakeRun) -> None:
    run = make("cyclegan")
    model = run.load_model()
    a2b, raw, b2a = (
        portable(run, model, **options)  # type: ignore[arg-type]
        for options in ({}, {"ema": False}, {"direction": "b2a"})
    )
    made = [each.module(*a2b.examples) for each in (a2b, raw, b2a)]
    assert not alike(made[0], made[1])
    assert not alike(made[0], made[2])
    assert (a2b.weights, raw.weights, a2b.direction, b2a.direction) == ("ema", "raw", "a2b", "b2a")


def test_what_goes_in_and_comes_out_is_told(make: MakeRun) -> None:
    run = make("cgan")
    run.update_record(data={"classes": ["cat", "dog"]})
    told = portable(run, run.load_model())
    assert (list(told.inputs), told.latent_dim, told.classes, told.uniform) == (["latent", "label"], 4, 10, 0)
    assert (list(told.class_names), told.output, told.images_seen) == (["cat", "dog"], (1, 8, 8), 640)
    assert not told.translates
    assert portable(run, run.load_model()).module.training is False


def test_codes_of_infogan_stand_between_noise_and_values() -> None:
    class Echo(torch.nn.Module):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return inputs

    module = FromCodes(Echo(), EIGHT, noise=2, categories=3)
    made = module.floats(torch.tensor([[1.0, 2.0, 7.0]]), torch.tensor([1]))
    assert made.tolist() == [[1.0, 2.0, 0.0, 1.0, 0.0, 7.0]]


def test_a_direction_that_there_is_not_is_refused(make: MakeRun) -> None:
    noise, cut = make("vanilla"), make("cut", name="cut")
    with pytest.raises(UserError, match="--direction a2b: VanillaGAN generates from noise"):
        portable(noise, noise.load_model(), direction="a2b")
    with pytest.raises(UserError, match=r"--direction b2a: .* translates a2b only"):
        portable(cut, cut.load_model(), direction="b2a")


def test_nothing_is_left_of_what_computes_weights_anew(make: MakeRun) -> None:
    run = make("biggan")
    model = run.load_model()
    names = [name for name, _ in portable(run, model).module.named_modules() if "parametrizations" in name]
    assert names == []
    assert any("parametrizations" in name for name, _ in model.generator.named_modules())


DEPTHS = [
    ("ct", torch.uint16, (0, 4095)),
    ("signed", torch.int16, (-1000, 3000)),
    ("float", torch.float32, (-0.5, 2.5)),
    ("channels", torch.uint8, (0, 255)),
]


@pytest.mark.parametrize(("kind", "dtype", "window"), DEPTHS)
def test_pixels_have_the_depth_of_the_run(
    kind: str, dtype: torch.dtype, window: tuple[float, float], make_deep: MakeRun
) -> None:
    run = make_deep(kind)
    model = run.load_model()
    generator = portable(run, model)
    made = generator.module(*generator.examples)
    assert (made.dtype, generator.depth.dtype, generator.depth.window) == (dtype, dtype, window)
    low, high = window
    scaled = 2 * (made.double() - low) / (high - low) - 1  # by hand, the other way round
    floats = model.sample(*generator.examples).double()  # type: ignore[operator]
    step = 0 if dtype.is_floating_point else 1 / (high - low)
    torch.testing.assert_close(scaled, floats, atol=step + 1e-6, rtol=0)
    assert scaled.std() > 0.04
    assert generator.output[0] == (5 if kind == "channels" else 1)


def test_a_translator_reads_and_writes_the_depths_of_its_domains(make_deep: MakeRun) -> None:
    run = make_deep("slices")
    model = run.load_model()
    generator = portable(run, model)
    (image,) = generator.examples
    assert (image.dtype, generator.source_depth.window, generator.depth.window) == (
        torch.uint16,
        (0, 4095),
        (1000, 3000),
    )
    assert image.to(torch.int32).max() > 4000, "all of the window"
    made = generator.module(image)
    source = 2 * image.double() / 4095 - 1
    floats = model.double().translate(source, "a2b", ema=True)  # type: ignore[operator]
    assert made.dtype == torch.uint16
    torch.testing.assert_close(made.double(), 1000 + (floats + 1) * 1000, atol=0.6, rtol=0)
