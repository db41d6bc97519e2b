"""DINOv2 and CLIP: our path against forwards written out in plain torch, on random weights."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from gan_lab.metrics import vit
from gan_lab.metrics.vit import Clip, Dinov2, interpolated
from gan_lab.utils.errors import UserError

pytest.importorskip("transformers", reason="the extra vit is not installed")
Weights = dict[str, Tensor]
WIDTH, LAYERS, PATCH, PROJECTED = 128, 2, 14, 24


def images(count: int = 3, side: int = 40) -> Tensor:
    return torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def random_weights(shapes: dict[str, tuple[int, ...]]) -> Weights:
    generator = torch.Generator().manual_seed(1)
    return {name: torch.randn(shape, generator=generator) * 0.2 for name, shape in shapes.items()}


def of_dinov2(grid: int) -> Weights:
    """Weights by the names of facebook/dinov2-*, with place embeddings for grid x grid patches."""
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.cls_token": (1, 1, WIDTH),
        "embeddings.mask_token": (1, WIDTH),
        "embeddings.position_embeddings": (1, grid**2 + 1, WIDTH),
        "embeddings.patch_embeddings.projection.weight": (WIDTH, 3, PATCH, PATCH),
        "embeddings.patch_embeddings.projection.bias": (WIDTH,),
        "layernorm.weight": (WIDTH,),
        "layernorm.bias": (WIDTH,),
    }
    for layer in range(LAYERS):
        place = f"encoder.layer.{layer}"
        for name in ("attention.attention.query", "attention.attention.key", "attention.attention.value"):
            shapes |= {f"{place}.{name}.weight": (WIDTH, WIDTH), f"{place}.{name}.bias": (WIDTH,)}
        shapes |= {f"{place}.attention.output.dense.weight": (WIDTH, WIDTH)}
        shapes |= {f"{place}.attention.output.dense.bias": (WIDTH,)}
        for name in ("norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias"):
            shapes[f"{place}.{name}"] = (WIDTH,)
        shapes |= {f"{place}.layer_scale1.lambda1": (WIDTH,), f"{place}.layer_scale2.lambda1": (WIDTH,)}
        shapes |= {f"{place}.mlp.fc1.weight": (4 * WIDTH, WIDTH), f"{place}.mlp.fc1.bias": (4 * WIDTH,)}
        shapes |= {f"{place}.mlp.fc2.weight": (WIDTH, 4 * WIDTH), f"{place}.mlp.fc2.bias": (WIDTH,)}
    return random_weights(shapes)


def of_clip(grid: int) -> Weights:
    """Weights by the names of openai/clip-vit-*, some of the text's among them."""
    tower = "vision_model"
    shapes: dict[str, tuple[int, ...]] = {
        f"{tower}.embeddings.class_embedding": (WIDTH,),
        f"{tower}.embeddings.patch_embedding.weight": (WIDTH, 3, PATCH, PATCH),
        f"{tower}.embeddings.position_embedding.weight": (grid**2 + 1, WIDTH),
        f"{tower}.pre_layrnorm.weight": (WIDTH,),
        f"{tower}.pre_layrnorm.bias": (WIDTH,),
        f"{tower}.post_layernorm.weight": (WIDTH,),
        f"{tower}.post_layernorm.bias": (WIDTH,),
        "visual_projection.weight": (PROJECTED, WIDTH),
        "text_projection.weight": (PROJECTED, 9),
        "logit_scale": (),
    }
    for layer in range(LAYERS):
        place = f"{tower}.encoder.layers.{layer}"
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            shapes |= {f"{place}.self_attn.{name}.weight": (WIDTH, WIDTH), f"{place}.self_attn.{name}.bias": (WIDTH,)}
        for name in ("layer_norm1.weight", "layer_norm1.bias", "layer_norm2.weight", "layer_norm2.bias"):
            shapes[f"{place}.{name}"] = (WIDTH,)
        shapes |= {f"{place}.mlp.fc1.weight": (200, WIDTH), f"{place}.mlp.fc1.bias": (200,)}
        shapes |= {f"{place}.mlp.fc2.weight": (WIDTH, 200), f"{place}.mlp.fc2.bias": (WIDTH,)}
    return random_weights(shapes)


def saved(weights: Weights, path: Path) -> str:
    safetensors.torch.save_file(weights, path)
    return str(path)


def attention(x: Tensor, layers: list[tuple[Tensor, Tensor]], out: tuple[Tensor, Tensor]) -> Tensor:
    """Softmax attention with heads of 64 values, in plain steps."""
    heads = WIDTH // 64
    q, k, v = (F.linear(x, *layer).reshape(len(x), -1, heads, 64).transpose(1, 2) for layer in layers)
    mixed = (q @ k.mT / 64**0.5).softmax(-1) @ v
    return F.linear(mixed.transpose(1, 2).reshape(x.shape), *out)


def both(weights: Weights, name: str) -> tuple[Tensor, Tensor]:
    return weights[f"{name}.weight"].double(), weights[f"{name}.bias"].double()


def pillow(pixels: Tensor, side: int) -> Tensor:
    """Resized by Pillow itself, in [0, 1]."""
    resized = [
        np.asarray(Image.fromarray(image.permute(1, 2, 0).numpy()).resize((side, side), Image.Resampling.BICUBIC))
        for image in pixels
    ]
    return torch.from_numpy(np.stack(resized)).permute(0, 3, 1, 2).double() / 255


def plain_dinov2(weights: Weights, pixels: Tensor) -> Tensor:
    mean, deviation = (torch.tensor(v, dtype=torch.float64)[:, None, None] for v in (Dinov2.mean, Dinov2.deviation))
    x = (pillow(pixels, 224) - mean) / deviation
    x = F.conv2d(x, *both(weights, "embeddings.patch_embeddings.projection"), stride=PATCH).flatten(2).mT
    x = torch.cat((weights["embeddings.cls_token"].double().expand(len(x), -1, -1), x), 1)
    x = x + interpolated(weights["embeddings.position_embeddings"], 16).double()
    for layer in range(LAYERS):
        place = f"encoder.layer.{layer}"
        normed = F.layer_norm(x, (WIDTH,), *both(weights, f"{place}.norm1"), eps=1e-6)
        inner = [both(weights, f"{place}.attention.attention.{name}") for name in ("query", "key", "value")]
        mixed = attention(normed, inner, both(weights, f"{place}.attention.output.dense"))
        x = x + mixed * weights[f"{place}.layer_scale1.lambda1"]
        normed = F.layer_norm(x, (WIDTH,), *both(weights, f"{place}.norm2"), eps=1e-6)
        hidden = F.gelu(F.linear(normed, *both(weights, f"{place}.mlp.fc1")))
        x = x + F.linear(hidden, *both(weights, f"{place}.mlp.fc2")) * weights[f"{place}.layer_scale2.lambda1"]
    return F.layer_norm(x, (WIDTH,), *both(weights, "layernorm"), eps=1e-6)[:, 0]


def plain_clip(weights: Weights, pixels: Tensor, side: int) -> Tensor:
    mean, deviation = (torch.tensor(v, dtype=torch.float64)[:, None, None] for v in (Clip.mean, Clip.deviation))
    tower = "vision_model"
    x = (pillow(pixels, side) - mean) / deviation
    x = F.conv2d(x, weights[f"{tower}.embeddings.patch_embedding.weight"].double(), stride=PATCH).flatten(2).mT
    start = weights[f"{tower}.embeddings.class_embedding"].double().expand(len(x), 1, -1)
    x = torch.cat((start, x), 1) + weights[f"{tower}.embeddings.position_embedding.weight"].double()
    x = F.layer_norm(x, (WIDTH,), *both(weights, f"{tower}.pre_layrnorm"))
    for layer in range(LAYERS):
        place = f"{tower}.encoder.layers.{layer}"
        normed = F.layer_norm(x, (WIDTH,), *both(weights, f"{place}.layer_norm1"))
        inner = [both(weights, f"{place}.self_attn.{name}") for name in ("q_proj", "k_proj", "v_proj")]
        x = x + attention(normed, inner, both(weights, f"{place}.self_attn.out_proj"))
        hidden = F.linear(
            F.layer_norm(x, (WIDTH,), *both(weights, f"{place}.layer_norm2")), *both(weights, f"{place}.mlp.fc1")
        )
        x = x + F.linear(hidden * torch.sigmoid(1.702 * hidden), *both(weights, f"{place}.mlp.fc2"))
    x = F.layer_norm(x[:, 0], (WIDTH,), *both(weights, f"{tower}.post_layernorm"))
    return x @ weights["visual_projection.weight"].double().T


@pytest.mark.parametrize("grid", [16, 37])
def test_dinov2_is_an_independent_forward(grid: int, tmp_path: Path) -> None:
    weights = of_dinov2(grid)
    extractor = Dinov2(weights=saved(weights, tmp_path / "w.safetensors"))
    features, logits = extractor.features_and_logits(images())
    assert (features.shape, logits.shape) == ((3, WIDTH), (3, 0))
    assert torch.allclose(features.double(), plain_dinov2(weights, images()), atol=1e-3)
    assert extractor.identity["name"] == "dinov2 ViT-128/14"
    assert (extractor.num_features, extractor.identity["input_size"]) == (WIDTH, 224)


def test_clip_is_an_independent_forward(tmp_path: Path) -> None:
    weights = of_clip(4)
    extractor = Clip(weights=saved(weights, tmp_path / "w.safetensors"))
    features = extractor(images())
    assert features.shape == (3, PROJECTED)
    assert torch.allclose(features.double(), plain_clip(weights, images(), 4 * PATCH), atol=1e-3)
    assert extractor.identity["input_size"] == 56


def test_place_embeddings_are_interpolated_as_the_authors_do() -> None:
    """With 0.1 added to the side: the i-th of 16 lies at (i + 1/2) 37 / 16.1 - 1/2.

    The cubic keeps a ramp but for 0.06. Without the offset the last but one were 0.2 further.
    """
    ramp = torch.arange(37.0).repeat(37)[None, :, None]
    found = interpolated(torch.cat((torch.full((1, 1, 1), -5.0), ramp), 1), 16)
    assert found.shape == (1, 257, 1)
    assert found[0, 0, 0] == -5
    row = found[0, 1:17, 0]
    expected = torch.tensor([(i + 0.5) * 37 / 16.1 - 0.5 for i in range(16)])
    assert torch.allclose(row[1:-1], expected[1:-1], atol=0.08)


def test_newer_names_of_weights_are_taken_too(tmp_path: Path) -> None:
    weights = of_dinov2(16)
    renamed = {}
    for name, value in weights.items():
        for old, new in vit.RENAMED.items():
            name = name.replace(old, new)
        renamed[name] = value
    assert renamed.keys() != weights.keys()
    first, second = (
        Dinov2(weights=saved(each, tmp_path / f"{index}.safetensors"))(images())
        for index, each in enumerate((weights, renamed))
    )
    assert torch.equal(first, second)


def test_images_do_not_depend_on_their_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    extractor = Clip(weights=saved(of_clip(4), tmp_path / "w.safetensors"))
    whole = extractor(images())
    monkeypatch.setattr(vit, "AT_ONCE", 2)
    assert torch.allclose(extractor(images()), whole, atol=1e-5)
    assert torch.allclose(extractor(images()[:, :1]), extractor(images()[:, :1].expand(-1, 3, -1, -1)), atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "give", "message"),
    [
        (
            Dinov2,
            lambda path: None,
            r"the dinov2 extractor's weights are missing\. Download model\.safetensors of face",
        ),
        (Clip, lambda path: None, r"the clip extractor's weights are missing\. Download model\.safetensors of openai"),
        (Dinov2, lambda path: path.write_bytes(b"half"), "is no safetensors file, or damaged"),
        (Dinov2, lambda path: saved(of_clip(4), path), "holds no weights of dinov2's vision transformer"),
        (Clip, lambda path: saved(of_dinov2(16), path), "holds no weights of clip's vision transformer"),
        (Dinov2, lambda path: path.mkdir(), "can't be read"),
    ],
)
def test_other_files_are_one_line(
    kind: type[vit.VisionTransformer], give: Callable[[Path], object], message: str, tmp_path: Path
) -> None:
    give(tmp_path / "w.safetensors")
    with pytest.raises(UserError, match=message) as error:
        kind(weights=str(tmp_path / "w.safetensors"))
    assert len(str(error.value).splitlines()) == 1


def test_a_layer_that_is_missing_is_named(tmp_path: Path) -> None:
    weights = of_dinov2(16)
    del weights["encoder.layer.1.mlp.fc2.bias"]
    with pytest.raises(UserError, match="holds no weights of dinov2"):
        Dinov2(weights=saved(weights, tmp_path / "w.safetensors"))


def test_weights_are_looked_for_where_torch_keeps_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    saved(of_clip(4), tmp_path / "checkpoints" / "clip.safetensors")
    assert Clip(weights=None).num_features == PROJECTED
